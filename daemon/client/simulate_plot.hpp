// A picture to choose call_cost from: delay against calls.
#pragma once

#include <string>
#include <vector>

namespace mjwatchd::client {

struct PlotPoint {
  double calls_per_task = 0;
  double delay_s = 0;
  std::string label;  ///< written beside the point; empty: a plain point of its line
};

struct PlotLine {
  std::string name;
  std::string colour;  ///< as SVG writes it
  std::vector<PlotPoint> points;
};

/// An SVG of lines over logarithmic axes that hold all points; those without calls or delay are left
/// out. Needs nothing but a browser to look at.
[[nodiscard]] std::string plot(const std::string& title, std::vector<PlotLine> lines);

}  // namespace mjwatchd::client

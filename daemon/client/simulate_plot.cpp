#include "daemon/client/simulate_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace mjwatchd::client {
namespace {

constexpr double kWidth = 760, kHeight = 520, kLeft = 70, kRight = 150, kTop = 50, kBottom = 60;

std::string figure(double value) {
  std::array<char, 40> text{};
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.4g", value))};
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return out;
}

std::string words(double x, double y, const std::string& text, const std::string& rest) {
  return "<text x=\"" + figure(x) + "\" y=\"" + figure(y) + "\" " + rest + ">" + escaped(text) + "</text>\n";
}

std::string stroke(double x1, double y1, double x2, double y2, const std::string& colour) {
  return "<line x1=\"" + figure(x1) + "\" y1=\"" + figure(y1) + "\" x2=\"" + figure(x2) + "\" y2=\"" + figure(y2) +
         "\" stroke=\"" + colour + "\"/>\n";
}

/// A logarithmic axis from pixel to pixel.
class Axis {
 public:
  Axis(double from, double to) : from_(from), to_(to) {}
  void include(double value) {
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  [[nodiscard]] double at(double value) const {
    const double low = std::log(low_ * 0.9), high = std::log(high_ * 1.1);
    return from_ + (to_ - from_) * (std::log(value) - low) / (high - low);
  }
  /// 1, 2 and 5 times powers of ten.
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> all;
    for (int power = -4; power <= 6; ++power) {
      for (const double digit : {1.0, 2.0, 5.0}) {
        const double tick = digit * std::pow(10, power);
        if (tick >= low_ * 0.9 && tick <= high_ * 1.1) all.push_back(tick);
      }
    }
    return all;
  }

 private:
  double from_, to_, low_ = HUGE_VAL, high_ = 0;
};

std::string frame(const Axis& x, const Axis& y) {
  constexpr const char* kGrid = "#e4e4e4";
  std::string out;
  for (const double tick : x.ticks()) {
    out += stroke(x.at(tick), kTop, x.at(tick), kHeight - kBottom, kGrid);
    out += words(x.at(tick), kHeight - kBottom + 18, figure(tick), "text-anchor=\"middle\"");
  }
  for (const double tick : y.ticks()) {
    out += stroke(kLeft, y.at(tick), kWidth - kRight, y.at(tick), kGrid);
    out += words(kLeft - 8, y.at(tick) + 4, figure(tick) + " s", "text-anchor=\"end\"");
  }
  const double middle = (kLeft + kWidth - kRight) / 2;
  out += words(middle, kHeight - 18, "calls per task", "text-anchor=\"middle\"");
  const std::string turn = "text-anchor=\"middle\" transform=\"rotate(-90 18 " + figure(kHeight / 2) + ")\"";
  return out + words(18, kHeight / 2, "mean delay of noticing an end", turn);
}

std::string draw(const PlotLine& line, const Axis& x, const Axis& y) {
  std::string path, marks;
  for (const PlotPoint& point : line.points) {
    const double at_x = x.at(point.calls_per_task), at_y = y.at(point.delay_s);
    path += (path.empty() ? "" : " ") + figure(at_x) + "," + figure(at_y);
    if (point.label.empty()) continue;
    marks += "<circle cx=\"" + figure(at_x) + "\" cy=\"" + figure(at_y) + "\" r=\"4\" fill=\"" + line.colour + "\"/>\n";
    marks += words(at_x - 7, at_y + 15, point.label, "text-anchor=\"end\" fill=\"" + line.colour + "\"");
  }
  const PlotPoint& last = *std::max_element(line.points.begin(), line.points.end(), [](const auto& a, const auto& b) {
    return a.calls_per_task < b.calls_per_task;
  });
  return "<polyline points=\"" + path + "\" fill=\"none\" stroke=\"" + line.colour + "\" stroke-width=\"2\"/>\n" +
         marks +
         words(x.at(last.calls_per_task) + 9, y.at(last.delay_s) + 4, line.name, "fill=\"" + line.colour + "\"");
}

}  // namespace

std::string plot(const std::string& title, std::vector<PlotLine> lines) {
  Axis x(kLeft, kWidth - kRight), y(kHeight - kBottom, kTop);
  for (PlotLine& line : lines) {
    std::erase_if(line.points, [](const PlotPoint& one) { return !(one.calls_per_task > 0 && one.delay_s > 0); });
    for (const PlotPoint& point : line.points) {
      x.include(point.calls_per_task);
      y.include(point.delay_s);
    }
  }
  std::erase_if(lines, [](const PlotLine& line) { return line.points.empty(); });
  const std::string size = figure(kWidth) + "\" height=\"" + figure(kHeight);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + size + "\" viewBox=\"0 0 " + figure(kWidth) +
                    " " + figure(kHeight) + "\" font-family=\"sans-serif\" font-size=\"12\">\n";
  out += "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  out += words(kLeft, 28, title, "font-size=\"15\"");
  if (!lines.empty()) out += frame(x, y);
  for (const PlotLine& line : lines) out += draw(line, x, y);
  return out + "</svg>\n";
}

}  // namespace mjwatchd::client

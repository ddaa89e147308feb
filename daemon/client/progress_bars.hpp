// How far tasks are: bars on a terminal, a line per change in a pipe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/client/terminal.hpp"

namespace mjwatchd::client {

/// What is shown of one task.
struct ProgressLine {
  std::string id;
  std::string state;  ///< "IN_PROGRESS", "succeeded", …
  int percent = -1;   ///< -1: not known
};

/// "1712…906  [#########.....]  65%  IN_PROGRESS", at most `terminal.width` columns.
[[nodiscard]] std::string bar(const ProgressLine& line, const Terminal& terminal, std::size_t id_width);

/// Text that brings the display up to date. On a terminal it redraws in place, at most `most` bars
/// and a count of the rest; in a pipe it tells what changed, a line each, and nothing else.
class ProgressBars {
 public:
  explicit ProgressBars(Terminal terminal, std::size_t most = 20) : terminal_(terminal), most_(most) {}
  [[nodiscard]] std::string update(const std::vector<ProgressLine>& lines);

 private:
  [[nodiscard]] std::string redraw(const std::vector<ProgressLine>& lines);
  Terminal terminal_;
  std::size_t most_;
  std::size_t drawn_ = 0;  ///< lines on the screen
  std::vector<ProgressLine> before_;
};

}  // namespace mjwatchd::client

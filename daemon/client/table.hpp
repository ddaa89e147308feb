// A table that fits the terminal.
#pragma once

#include <string>
#include <vector>

#include "daemon/client/terminal.hpp"

namespace mjwatchd::client {

/// Rows under headings. In a pipe columns are as wide as their widest cell; on a terminal the
/// widest columns are cut with "…" until a row fits; where that isn't enough, the last ones are left out.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  /// As many cells as headings; missing ones are empty, further ones are dropped.
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// What stands under STATE (SUCCESS, dead, …) is coloured when the terminal has colours.
  [[nodiscard]] std::string print(const Terminal& terminal) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t most) const;
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mjwatchd::client

#include "daemon/client/table.hpp"

#include <algorithm>
#include <numeric>

namespace mjwatchd::client {

namespace {
constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 4;
}  // namespace

void Table::add(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  for (auto& cell : cells) cell = harmless(cell);
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(std::size_t most) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    std::size_t width = columns(headings_[i]);
    for (const auto& row : rows_) width = std::max(width, columns(row[i]));
    widths.push_back(width);
  }
  if (most == 0 || widths.empty()) return widths;
  auto total = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (total > most) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
    --total;
  }
  while (total > most && widths.size() > 1) {
    total -= widths.back() + kGap;
    widths.pop_back();
  }
  return widths;
}

std::string Table::print(const Terminal& terminal) const {
  const auto width = widths(terminal.width);
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells, bool heading) {
    std::string text;
    for (std::size_t i = 0; i < width.size(); ++i) {
      const auto cell = fit(cells[i], width[i]);
      const auto colour = heading ? Colour::dim : headings_[i] == "STATE" ? colour_of(cells[i]) : Colour::plain;
      text += coloured(terminal, colour, cell);
      if (i + 1 < width.size()) text.append(width[i] - columns(cell) + kGap, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(headings_, true);
  for (const auto& row : rows_) line(row, false);
  return out;
}

}  // namespace mjwatchd::client

#include "daemon/client/progress_bars.hpp"

#include <algorithm>

namespace mjwatchd::client {

namespace {

bool same(const ProgressLine& a, const ProgressLine& b) { return a.state == b.state && a.percent == b.percent; }

bool over(const ProgressLine& line) {
  return line.state == "succeeded" || line.state == "failed" || line.state == "cancelled" || line.state == "expired" ||
         line.state == "lost";
}

std::string percent_text(int percent) {
  auto text = percent < 0 ? std::string("?") : std::to_string(percent) + "%";
  return std::string(text.size() < 4 ? 4 - text.size() : 0, ' ') + text;
}

}  // namespace

std::string bar(const ProgressLine& line, const Terminal& terminal, std::size_t id_width) {
  const auto id = fit(harmless(line.id), id_width);
  const auto state = harmless(line.state);
  // id, two blanks, [bar], percent, two blanks, state
  const std::size_t rest = id_width + 2 + 2 + 1 + 4 + 2 + columns(state);
  const std::size_t width = terminal.width == 0 ? 80 : terminal.width;
  const std::size_t cells = width > rest + 4 ? std::min<std::size_t>(width - rest - 1, 40) : 0;
  std::string text = id + std::string(id_width - columns(id) + 2, ' ');
  if (cells > 0) {
    const auto full = cells * static_cast<std::size_t>(std::clamp(line.percent, 0, 100)) / 100;
    text += "[" + coloured(terminal, colour_of(state), std::string(full, '#')) + std::string(cells - full, '.') + "] ";
  }
  return text + percent_text(line.percent) + "  " + coloured(terminal, colour_of(state), state);
}

std::string ProgressBars::redraw(const std::vector<ProgressLine>& lines) {
  std::string out;
  if (drawn_ > 0) out += "\x1b[" + std::to_string(drawn_) + "A\r\x1b[J";
  std::vector<ProgressLine> shown(lines);
  // With too many for the screen, those still running are the ones to see.
  if (shown.size() > most_)
    std::stable_partition(shown.begin(), shown.end(), [](const auto& line) { return !over(line); });
  const auto count = std::min(shown.size(), most_);
  std::size_t id_width = 0;
  for (std::size_t i = 0; i < count; ++i) id_width = std::max(id_width, columns(harmless(shown[i].id)));
  id_width = std::min<std::size_t>(id_width, 36);
  for (std::size_t i = 0; i < count; ++i) out += bar(shown[i], terminal_, id_width) + "\n";
  drawn_ = count;
  if (shown.size() > count) {
    const auto done = std::count_if(lines.begin(), lines.end(), over);
    out += "… " + std::to_string(lines.size()) + " tasks, " + std::to_string(done) + " ended\n";
    ++drawn_;
  }
  return out;
}

std::string ProgressBars::update(const std::vector<ProgressLine>& lines) {
  std::string out;
  const bool changed = before_.size() != lines.size() || !std::equal(lines.begin(), lines.end(), before_.begin(), same);
  if (!changed) return out;
  if (terminal_.interactive) {
    out = redraw(lines);
  } else {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i < before_.size() && same(before_[i], lines[i])) continue;
      out += harmless(lines[i].id) + " " + harmless(lines[i].state);
      if (lines[i].percent >= 0) out += " " + std::to_string(lines[i].percent) + "%";
      out += "\n";
    }
  }
  before_ = lines;
  return out;
}

}  // namespace mjwatchd::client

#include "daemon/pulse.hpp"

#include <algorithm>

namespace mjwatchd {

Pulse::Ticket Pulse::begin(Part part, Time now, Duration limit) {
  const Ticket ticket = ++last_;
  const bool queue = part == Part::commit || part == Part::read;
  lines_[static_cast<std::size_t>(part)].under_way.emplace(ticket,
                                                           Work{now, queue ? now + kOneByOne : now + limit + kMargin});
  return ticket;
}

void Pulse::end(Part part, Ticket ticket, Time now) {
  auto& line = lines_[static_cast<std::size_t>(part)];
  line.under_way.erase(ticket);
  line.moved = now;
}

bool Pulse::idle() const {
  return std::all_of(lines_.begin(), lines_.end(), [](const Line& line) { return line.under_way.empty(); });
}

std::optional<Pulse::Duration> Pulse::stuck(Part part, Time now) const {
  const auto& those = line(part);
  if (those.under_way.empty()) return std::nullopt;
  if (part == Part::commit || part == Part::read) {
    const auto since = std::max(those.under_way.begin()->second.began, those.moved);
    if (now - since <= kOneByOne) return std::nullopt;
    return now - since;
  }
  const auto worst = std::min_element(those.under_way.begin(), those.under_way.end(),
                                      [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
  if (now <= worst->second.due) return std::nullopt;
  return now - worst->second.began;
}

std::optional<Pulse::Duration> Pulse::oldest(Part part, Time now) const {
  const auto& those = line(part);
  if (those.under_way.empty()) return std::nullopt;
  return now - those.under_way.begin()->second.began;
}

}  // namespace mjwatchd

#include "daemon/images/slots.hpp"

namespace mjwatchd::images {

Slots::Ticket Slots::enter(WallTime deadline, const std::string& origin, std::function<void()> go) {
  const Ticket ticket{deadline, next_++};
  waiting_.emplace(ticket, Waiting{origin, std::move(go)});
  admit();
  return ticket;
}

void Slots::leave(const std::string& origin) {
  --taken_;
  const auto count = by_origin_.find(origin);
  if (--count->second == 0) by_origin_.erase(count);
  admit();
}

void Slots::admit() {
  for (auto next = waiting_.begin(); next != waiting_.end() && taken_ < total_;) {
    std::size_t& count = by_origin_[next->second.origin];
    if (count >= per_origin_) {
      ++next;
      continue;
    }
    ++count;
    ++taken_;
    const auto go = std::move(next->second.go);
    waiting_.erase(next);
    go();
    next = waiting_.begin();  // go() may have changed the line
  }
}

}  // namespace mjwatchd::images

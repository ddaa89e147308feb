#include "daemon/control/event_hub.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace mjwatchd::control {
namespace {

/// One that does not come while so many after it did was never to come.
constexpr std::size_t kMostAhead = 10'000;

}  // namespace

EventHub::Id EventHub::join(Listener listener) {
  const Id id = next_++;
  listeners_.emplace(id, std::make_shared<Listener>(std::move(listener)));
  anyone_ = true;
  return id;
}

void EventHub::leave(Id id) {
  listeners_.erase(id);
  anyone_ = !listeners_.empty();
}

void EventHub::publish(std::span<const CommittedEvent> events) {
  if (events.empty()) return;
  std::vector<Id> present;
  present.reserve(listeners_.size());
  for (const auto& [id, listener] : listeners_) present.push_back(id);
  for (const auto& event : events) {
    note(event.no);
    for (const Id id : present) {
      const auto found = listeners_.find(id);
      if (found == listeners_.end()) continue;  // left meanwhile
      const auto listener = found->second;      // it may leave from inside its call
      (*listener)(event);
    }
  }
}

void EventHub::note(EventNo no) {
  if (no == 0 || no <= told_) return;
  if (no == told_ + 1) return pass(no);  // as nearly all do
  ahead_.insert(no);
  if (told_ < 0 || ahead_.size() > kMostAhead) told_ = *ahead_.begin() - 1;
  go_on();
}

void EventHub::pass(EventNo no) {
  told_ = std::max(told_, no);
  go_on();
}

void EventHub::go_on() {
  while (!ahead_.empty() && *ahead_.begin() <= told_ + 1) {
    told_ = std::max(told_, *ahead_.begin());
    ahead_.erase(ahead_.begin());
  }
}

}  // namespace mjwatchd::control

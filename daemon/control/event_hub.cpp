#include "daemon/control/event_hub.hpp"

#include <utility>
#include <vector>

namespace mjwatchd::control {

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
    for (const Id id : present) {
      const auto found = listeners_.find(id);
      if (found == listeners_.end()) continue;  // left meanwhile
      const auto listener = found->second;      // it may leave from inside its call
      (*listener)(event);
    }
  }
}

}  // namespace mjwatchd::control

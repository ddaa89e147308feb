// Who is told at once of what was committed: event streams and waiting clients.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "mjwatchd/change.hpp"

namespace mjwatchd::control {

/// Loop thread only, but for anyone(). A listener may leave, or others come, from inside its own call.
class EventHub {
 public:
  using Listener = std::function<void(const CommittedEvent& event)>;
  using Id = std::uint64_t;

  Id join(Listener listener);
  void leave(Id id);
  /// Tells everyone, in the order of joining.
  void publish(std::span<const CommittedEvent> events);
  [[nodiscard]] std::size_t listeners() const { return listeners_.size(); }
  /// Whether there are listeners. Any thread.
  [[nodiscard]] bool anyone() const { return anyone_; }

 private:
  Id next_ = 1;
  std::map<Id, std::shared_ptr<Listener>> listeners_;
  std::atomic<bool> anyone_{false};
};

}  // namespace mjwatchd::control

// Who is told at once of what was committed: event streams and waiting clients.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "mjwatchd/change.hpp"

namespace mjwatchd::control {

/// Loop thread only. A listener may leave, or others come, from inside its own call.
class EventHub {
 public:
  using Listener = std::function<void(const CommittedEvent& event)>;
  using Id = std::uint64_t;

  Id join(Listener listener);
  void leave(Id id);
  /// Tells everyone, in the order of joining.
  void publish(std::span<const CommittedEvent> events);
  [[nodiscard]] std::size_t listeners() const { return listeners_.size(); }

 private:
  Id next_ = 1;
  std::map<Id, std::shared_ptr<Listener>> listeners_;
};

}  // namespace mjwatchd::control

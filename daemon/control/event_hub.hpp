// Who is told at once of what was committed: event streams and waiting clients.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "mjwatchd/change.hpp"

namespace mjwatchd::control {

/// Loop thread only, but for anyone(). A listener may leave, or others come, from inside its own call. What several
/// daemons commit is numbered without a gap, and may be published out of that order: each by who heard of it.
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

  /// Those up to this one that were not published won't be.
  void pass(EventNo no);
  /// This one and all before it were published, or won't be; less than 0: not known yet.
  [[nodiscard]] EventNo told() const { return told_; }

 private:
  void note(EventNo no);
  void go_on();

  EventNo told_ = -1;
  std::set<EventNo> ahead_;  ///< published, and one before them was not yet
  Id next_ = 1;
  std::map<Id, std::shared_ptr<Listener>> listeners_;
  std::atomic<bool> anyone_{false};
};

}  // namespace mjwatchd::control

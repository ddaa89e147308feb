// The state machine that everything else serves.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mjwatchd/action.hpp"
#include "mjwatchd/event.hpp"
#include "mjwatchd/outbox.hpp"
#include "mjwatchd/poll_schedule.hpp"
#include "mjwatchd/settings.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// How late ended tasks were noticed, since this run began: those whose true end the gateway told by a
/// clock that agrees with what was seen. From the end, or the registration if that came later.
struct DetectionDelay {
  /// Seconds; the last ones are beyond any max_gap that is wise.
  static constexpr std::array kBounds = {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0};
  std::array<std::uint64_t, kBounds.size()> at_most{};  ///< how many were no later than each bound
  std::uint64_t count = 0;
  double sum_s = 0;
  double p50_s = 0, p95_s = 0;  ///< 0 when there are none

  [[nodiscard]] double mean_s() const { return count == 0 ? 0 : sum_s / static_cast<double>(count); }
};

/// What people may know of how a gateway is doing.
struct GatewayView {
  std::string name;
  bool configured = true;  ///< false: tasks of a gateway that is gone from the configuration
  std::size_t live = 0, in_flight = 0;
  std::string state;  ///< "up", "probing", "open" (breaker), "refused" (token), "throttled"
  std::string last_error;
  bool batches = true;  ///< false: falls back to single fetches
  std::uint64_t calls = 0, failed_calls = 0, ids_asked = 0, noticed = 0;
  std::optional<double> batch_fill;  ///< ids asked for in batches, in shares of what they could hold
  double budget_left = 0;            ///< tokens in the bucket
  /// How far its clock is ahead of ours, by the Dates of its replies; nothing before the first.
  std::optional<milliseconds> clock_ahead;
  DetectionDelay delay;
  std::vector<Belief> beliefs;  ///< how long tasks take, as its schedule expects
};

/// Decides everything: which gateway to ask about which tasks and when, what a reply means, what is
/// made durable, saved, announced and sent. Opens nothing, waits for nothing, reads no clock.
///
/// Use: feed what happened with the present time to handle(), carry out the actions it appends, call
/// again at next_wakeup() at the latest. One owner, one thread. The same events at the same times
/// give the same actions (randomness comes from Settings::seed).
///
/// A state changes here only when the store has said that it is committed; a commit that failed
/// leaves the task as it was, and the next look finds the change again.
class Watcher {
 public:
  Watcher(const Settings& settings, Now now);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// What the events hold may be moved into the actions: they are used up.
  void handle(std::span<Event> events, Now now, Actions& out);
  /// Takes up one more page of what is on the disk, at start: nothing is asked, saved or sent before the
  /// next handle(), so that the first look is at all of it.
  void adopt(std::span<Event> page, Now now, Actions& out);
  /// kNever when nothing is live and nothing is to be sent.
  [[nodiscard]] Time next_wakeup() const;

  /// Takes new settings into force without dropping a task, a call or a delivery. Tasks of a gateway
  /// that is gone are held.
  void reconfigure(const Settings& settings, Now now, Actions& out);
  /// No new calls, saves or sends after this; what is in flight is still heard.
  void stop();

  [[nodiscard]] std::size_t live() const;
  [[nodiscard]] std::size_t saving() const;
  [[nodiscard]] bool holds(const TaskKey& key) const;
  /// By gateway: when the task that waits longest for a look was last seen, or registered. Passes over all
  /// tasks, so it is for those who ask now and then.
  [[nodiscard]] std::map<std::string, Time> longest_unasked() const;
  [[nodiscard]] std::vector<GatewayView> gateways() const;
  [[nodiscard]] const Outbox& outbox() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mjwatchd

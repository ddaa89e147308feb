// Since when a thread has been at one thing.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

namespace mjwatchd::store {

/// Says whether the database hangs. Set by the thread that works, read by any.
class BusySince {
 public:
  using Clock = std::chrono::steady_clock;
  void begin() { since_ = Clock::now().time_since_epoch().count(); }
  void end() { since_ = 0; }
  /// Nothing while idle.
  [[nodiscard]] std::optional<Clock::time_point> get() const {
    const Clock::rep since = since_;
    if (since == 0) return std::nullopt;
    return Clock::time_point(Clock::duration(since));
  }

 private:
  std::atomic<Clock::rep> since_{0};
};

/// Begins, and ends with its scope.
class Busy {
 public:
  explicit Busy(BusySince& since) : since_(since) { since_.begin(); }
  ~Busy() { since_.end(); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  BusySince& since_;
};

}  // namespace mjwatchd::store

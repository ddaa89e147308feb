// How the gateways were in the last day, minute by minute.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "mjwatchd/time.hpp"
#include "mjwatchd/watcher.hpp"

namespace mjwatchd::page {

/// What happened in a minute that ended at `at`.
struct Minute {
  WallTime at{};
  std::uint64_t calls = 0, failed_calls = 0;
  std::uint64_t ends = 0;  ///< that were noticed, with a delay that can be told
  double delay_mean_s = 0, delay_p95_s = 0;
};

/// Made of the core's views, which count from the start of the run: so it begins with the run, and is in memory
/// only. Pure; one owner, one thread. Bounded: a day of minutes for each gateway that is there.
class History {
 public:
  static constexpr std::chrono::minutes kStep{1};
  static constexpr std::size_t kMinutes = 24 * 60;

  /// To be called each kStep. The first time is what later ones are compared with. When a daemon with nothing to
  /// do let steps go by, those were minutes in which nothing happened.
  void take(WallTime now, const std::vector<GatewayView>& gateways);

  /// Oldest first.
  [[nodiscard]] const std::map<std::string, std::deque<Minute>>& gateways() const { return minutes_; }

 private:
  struct Before {
    std::uint64_t calls = 0, failed_calls = 0;
    DetectionDelay delay;
  };
  static void fill(std::deque<Minute>& minutes, WallTime now);

  std::map<std::string, Before> before_;
  std::map<std::string, std::deque<Minute>> minutes_;
};

}  // namespace mjwatchd::page

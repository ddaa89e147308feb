#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/core/short_time.hpp"

namespace mjwatchd {

/// Time since a task's beginning; 24 days at most, which Course::keep_young() sees to.
using Age = std::chrono::duration<std::int32_t, std::milli>;
inline constexpr Age kNotYet{-1};

[[nodiscard]] constexpr float seconds(std::chrono::milliseconds time) {
  return static_cast<float>(time.count()) / 1000.0F;
}
[[nodiscard]] constexpr float seconds(Age age) { return static_cast<float>(age.count()) / 1000.0F; }

/// What looks have told of one task's course so far.
struct Course {
  Age seen{0};                              ///< last look that found it unfinished; 0: none since its beginning
  Age started = kNotYet;                    ///< as the gateway says, else the middle of two looks
  Age stage_from = kNotYet;                 ///< first look that showed `step`
  Age before_from = kNotYet, before_to{0};  ///< looks that showed the step before it
  ShortTime born;                           ///< submission, or when we first heard of it
  std::uint8_t step = 0, before_step = 0;   ///< PaceTable::step()
  std::uint8_t action : 7 = 0;              ///< Forecast::action()
  bool modal : 1 = false;                   ///< waits for its user, not for the gateway

  /// To be called before ages are told of `when`: a task may be watched for a year, and may be years old when it
  /// comes. After weeks its beginning is taken to have been later; what happened before that, to have happened then.
  void keep_young(Time when) {
    constexpr std::chrono::milliseconds kOld = std::chrono::days(20), kKept = std::chrono::days(10);
    if (when - Time(born) < kOld) return;
    const Time later = when - kKept;
    const auto surplus = (later - Time(born)).count();
    for (Age* age : {&seen, &started, &stage_from, &before_from, &before_to}) {
      if (*age != kNotYet) *age = Age(static_cast<std::int32_t>(std::max(age->count() - surplus, std::int64_t{0})));
    }
    born = later;
  }

  [[nodiscard]] Time last_look() const { return Time(born) + seen; }
  [[nodiscard]] Age age(Time when) const {
    const std::int64_t most = Age::max().count();
    return Age(static_cast<std::int32_t>(std::clamp((when - Time(born)).count(), std::int64_t{0}, most)));
  }
};

}  // namespace mjwatchd

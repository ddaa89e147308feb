#pragma once

#include <algorithm>
#include <cstdint>

#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// A token bucket for max_calls_per_minute. At most that many calls fall into any 60 s, whichever
/// 60 s one looks at: a burst of b is paid for by a slower refill (limit − b + 1 a minute), and the
/// whole sum is in integers, so that no rounding lets one more through.
class CallBudget {
 public:
  CallBudget(std::uint32_t per_minute, Time now) : at_(now) {
    configure(per_minute);
    level_ = burst_ * kToken;
  }

  void configure(std::uint32_t per_minute) {
    const std::int64_t limit = std::max<std::uint32_t>(per_minute, 1);
    burst_ = std::clamp<std::int64_t>(limit / 20, 1, 10);
    refill_ = limit - burst_ + 1;
    level_ = std::min(level_, burst_ * kToken);
  }

  /// When the next call may be made; in the past or now if it may be made at once.
  [[nodiscard]] Time ready_at() const {
    if (level_ >= kToken) return at_;
    return at_ + milliseconds((kToken - level_ + refill_ - 1) / refill_);
  }
  /// Takes the token of a call made at `now` ≥ ready_at().
  void spend(Time now) {
    refill(now);
    level_ -= kToken;
  }
  [[nodiscard]] double tokens() const { return static_cast<double>(level_) / static_cast<double>(kToken); }
  void refill(Time now) {
    if (now <= at_) return;
    const std::int64_t room = burst_ * kToken - level_;
    const std::int64_t elapsed = (now - at_).count();
    level_ = elapsed >= room / refill_ + 1 ? burst_ * kToken : std::min(burst_ * kToken, level_ + elapsed * refill_);
    at_ = now;
  }

 private:
  static constexpr std::int64_t kToken = 60'000;  ///< one call, in refills of a millisecond

  std::int64_t burst_ = 1;
  std::int64_t refill_ = 1;
  std::int64_t level_ = 0;
  Time at_;
};

}  // namespace mjwatchd

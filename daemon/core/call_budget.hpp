#pragma once

#include <algorithm>
#include <cstdint>

#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// A token bucket for max_calls_per_minute. At most that many calls fall into any 60 s, whichever
/// 60 s one looks at: a burst of b is paid for by a slower refill (limit − b + 1 a minute), and the
/// whole sum is in integers, so that no rounding lets one more through.
///
/// Several daemons that share a watch list share the limit: each has an equal part of it, rounded down. Where it
/// is less than one call a minute for each, each makes one in as many minutes as that takes.
class CallBudget {
 public:
  CallBudget(std::uint32_t per_minute, Time now, unsigned daemons = 1) : at_(now) {
    configure(per_minute, daemons);
    if (!paused_) level_ = burst_ * token_;
  }

  /// Of no daemons (this one has just come, and the others don't count on it yet) none may call, and nothing that
  /// was saved is kept. Whoever changes how many there are refills first.
  void configure(std::uint32_t per_minute, unsigned daemons = 1) {
    const std::int64_t limit = std::max<std::uint32_t>(per_minute, 1);
    const std::int64_t share = limit / std::max(daemons, 1U);
    paused_ = daemons == 0;
    burst_ = std::max<std::int64_t>(std::clamp<std::int64_t>(limit / 20, 1, 10) / std::max(daemons, 1U), 1);
    refill_ = std::max<std::int64_t>(share - burst_ + 1, 1);
    token_ = kToken * (share > 0 ? 1 : (daemons + limit - 1) / limit);
    level_ = paused_ ? 0 : std::min(level_, burst_ * token_);
  }

  /// When the next call may be made; in the past or now if it may be made at once; kNever for none of the daemons.
  [[nodiscard]] Time ready_at() const {
    if (paused_) return kNever;
    if (level_ >= token_) return at_;
    return at_ + milliseconds((token_ - level_ + refill_ - 1) / refill_);
  }
  /// Takes the token of a call made at `now` ≥ ready_at().
  void spend(Time now) {
    refill(now);
    level_ -= token_;
  }
  [[nodiscard]] double tokens() const { return static_cast<double>(level_) / static_cast<double>(token_); }
  void refill(Time now) {
    if (now <= at_) return;
    const std::int64_t full = burst_ * token_;
    const std::int64_t elapsed = (now - at_).count();
    at_ = now;
    if (paused_) return;
    level_ = elapsed >= (full - level_) / refill_ + 1 ? full : std::min(full, level_ + elapsed * refill_);
  }

 private:
  static constexpr std::int64_t kToken = 60'000;  ///< one call a minute, in refills of a millisecond

  std::int64_t token_ = kToken;  ///< one call
  std::int64_t burst_ = 1;
  std::int64_t refill_ = 1;
  std::int64_t level_ = 0;
  Time at_;
  bool paused_ = false;
};

}  // namespace mjwatchd

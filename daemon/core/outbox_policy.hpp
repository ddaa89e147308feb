// What an attempt's result means, and how long to wait before the next one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mjwatchd/delivery.hpp"

namespace mjwatchd::outbox {

enum class Outcome : std::uint8_t {
  delivered,
  retry,
  dead,
  gone,       ///< 410: the receiver wants no more of anything
  uncharged,  ///< our own proxy failed; not an attempt
  cancelled   ///< we stopped it; not an attempt
};

struct Verdict {
  Outcome outcome = Outcome::retry;
  bool slow_down = false;  ///< 429, 502, 503, 504: the receiver is overloaded
  bool charged = true;     ///< counts in the breaker and in the receiver's failures, if it is one
  std::string reason;      ///< dead and gone: why, for people
};

/// `attempts` counts this one. `ladder` is the number of retries there are.
[[nodiscard]] Verdict judge(const SendResult& result, std::uint32_t attempts, std::size_t ladder);

/// One line about a failed attempt: "HTTP 500", "timeout: …".
[[nodiscard]] std::string describe(const SendResult& result);

/// Random numbers that a seed repeats (splitmix64: small, and the same with every compiler).
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : state_(seed) {}
  /// `base` and 0–20 % more, but at most 15 minutes more.
  [[nodiscard]] milliseconds over(milliseconds base);

 private:
  std::uint64_t state_;
};

/// A receiver's wish is heeded up to this.
inline constexpr milliseconds kLongestRetryAfter = std::chrono::hours(24);
/// An overloaded receiver is left alone at least so long.
inline constexpr milliseconds kOverloadPause = std::chrono::seconds(60);

/// The wait after attempt number `attempts` (from 1), at most as many as there are retries.
[[nodiscard]] milliseconds wait_after(const std::vector<milliseconds>& ladder, std::uint32_t attempts,
                                      const Verdict& verdict, const SendResult& result, Jitter& jitter);

/// More than any step of webhooks.retry (30 days at most) with what an attempt takes.
inline constexpr milliseconds kLongestWait = std::chrono::hours(24 * 31);

/// When a delivery of the store is due. One that was never tried waits for nothing; a clock that was set since the last
/// attempt began makes none wait longer than it was to wait from then on, or, where that is not known, than 25 hours.
/// One that was set back during the attempt may make it wait less.
[[nodiscard]] Time due(const DeliveryRecord& delivery, Now now);

}  // namespace mjwatchd::outbox

#pragma once

#include <algorithm>
#include <optional>

#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// How far a gateway's clock is ahead of ours, estimated from the Date of its replies, so that the
/// times it gives can be placed on our line.
///
/// A Date has whole seconds, so one tells little; but each bounds the offset from both sides, and the
/// bounds of many, which come at all fractions of a second, leave a narrow gap.
class GatewayClock {
 public:
  /// `asked` and `now` bracket the moment at which the gateway looked at its clock.
  void heard(WallTime date, Time asked, const Now& now) {
    using namespace std::chrono_literals;
    if (date > now.wall + 24h || date < now.wall - 24h) return;  // no clock, but a cached page or a broken one
    const milliseconds least = date - now.wall, most = date + 999ms - now.wall_at(asked);
    // Two clocks drift apart by a five-thousandth at most.
    const milliseconds drift = (now.steady - heard_) / 5000;
    least_ = std::max(least_ - drift, least);
    most_ = std::min(most_ + drift, most);
    if (!known_ || least_ > most_) {  // the first, or one of the clocks was set
      least_ = least;
      most_ = most;
    }
    known_ = true;
    heard_ = now.steady;
  }

  /// Nothing before the first Date. Zero while nothing contradicts that the clocks agree.
  [[nodiscard]] std::optional<milliseconds> ahead() const {
    if (!known_) return std::nullopt;
    const milliseconds zero{0};
    return least_ <= zero && zero <= most_ ? zero : least_ + (most_ - least_) / 2;
  }

  /// Where `when`, by the gateway's clock, lies on our line.
  [[nodiscard]] Time on_line(WallTime when, const Now& now) const {
    return now.at(when) - ahead().value_or(milliseconds(0));
  }
  /// The same, never later than the present.
  [[nodiscard]] std::optional<Time> place(std::optional<WallTime> when, const Now& now) const {
    if (!when) return std::nullopt;
    return std::min(now.steady, on_line(*when, now));
  }

 private:
  bool known_ = false;
  milliseconds least_{}, most_{};  ///< what the offset can be, as of `heard_`
  Time heard_{};
};

}  // namespace mjwatchd

#pragma once

#include <algorithm>
#include <optional>

#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// How far a gateway's clock is ahead of ours, estimated from the Date of its replies, so that the
/// times it gives can be placed on our line.
class GatewayClock {
 public:
  /// `asked` and `now` bracket the moment at which the gateway looked at its clock.
  void heard(WallTime date, Time asked, const Now& now) {
    using namespace std::chrono_literals;
    const WallTime middle = now.wall - (now.steady - asked) / 2;
    if (date > middle + 24h || date < middle - 24h) return;  // no clock, but a cached page or a broken one
    const milliseconds sample = date + 500ms - middle;       // Date has whole seconds, cut off
    ahead_ = ahead_ ? *ahead_ + (sample - *ahead_) / 8 : sample;
  }

  /// Where `when`, by the gateway's clock, lies on our line; never later than the present.
  [[nodiscard]] std::optional<Time> place(std::optional<WallTime> when, const Now& now) const {
    if (!when) return std::nullopt;
    return std::min(now.steady, now.at(*when) - offset());
  }

 private:
  /// Below two seconds the estimate is no better than two clocks kept by NTP.
  [[nodiscard]] milliseconds offset() const {
    using namespace std::chrono_literals;
    if (!ahead_ || (*ahead_ < 2s && *ahead_ > -2s)) return 0ms;
    return *ahead_;
  }

  std::optional<milliseconds> ahead_;
};

}  // namespace mjwatchd

// Retry-After.
#pragma once

#include <optional>
#include <string_view>

#include "mjwatchd/time.hpp"

namespace mjwatchd::webhooks {

/// Seconds or an HTTP-date (RFC 9110, 10.2.3; all three forms of dates), made relative to `now` and
/// never negative. Nothing for anything else. The caller sets the upper bound.
[[nodiscard]] std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now);

}  // namespace mjwatchd::webhooks

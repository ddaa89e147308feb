// A moment as people write it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/control/json.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd::control {

/// Pure. "2026-11-23T13:08:00Z" (also with a fraction and with +02:00), a duration before `now` such as
/// "2h", or milliseconds since 1970 as a number. Nothing when it is none; `wrong` then says why.
[[nodiscard]] std::optional<WallTime> parse_moment(const Json& value, WallTime now, std::string& wrong);

}  // namespace mjwatchd::control

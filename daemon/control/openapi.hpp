// The control API's description.
#pragma once

#include <string_view>

namespace mjwatchd::control {

/// config/openapi.json, compiled in, without the line's end.
[[nodiscard]] std::string_view openapi_json();

}  // namespace mjwatchd::control

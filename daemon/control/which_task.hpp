// Which task an id means.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/control/problem.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::control {

/// Pure. `found` is what the store has under `id` (of `gateway`, when one was named). Without a gateway
/// named it is the default one's, else the only match; more than one is a 409, none a 404, one that could not be
/// read a 503.
[[nodiscard]] std::variant<TaskView, Problem> choose_task(Listing<TaskView> found, std::string_view id,
                                                          std::string_view gateway, std::string_view standard);

}  // namespace mjwatchd::control

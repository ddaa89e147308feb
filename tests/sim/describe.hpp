// Changes and what a store tells, in words, for traces.
#pragma once

#include <string>

#include "mjwatchd/change.hpp"
#include "mjwatchd/event.hpp"

namespace mjwatchd::sim {

[[nodiscard]] std::string describe(const Change& change);
[[nodiscard]] std::string describe(const Event& event);

}  // namespace mjwatchd::sim

// Days on which nothing goes wrong, to measure how fast days pass.
#pragma once

#include <cstddef>

#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

inline constexpr std::size_t kTasksADay = 5000;

/// So many days in a row of tasks that take what recorded ones took, on one gateway, each with a
/// picture and a webhook to one receiver.
[[nodiscard]] Scenario quiet_days(int days);

}  // namespace mjwatchd::sim

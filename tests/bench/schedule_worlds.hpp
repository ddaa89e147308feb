// Invented gateways: traces of kinds that a schedule must cope with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/client/simulate_trace.hpp"

namespace mjwatchd::worlds {

/// How tasks come.
struct Load {
  std::size_t tasks = 600;
  double per_second = 1;
  bool bursts = false;  ///< in groups of about 40, as many per second on the whole
};

/// "recorded": as the recorded timings are: a short queue (for some a long one), some 12 s to the
/// first of six steps, some refused early. The others differ from it in one thing each; see kinds().
/// Deterministic for a seed. Throws std::invalid_argument for a kind that isn't one.
[[nodiscard]] client::Trace make(const std::string& kind, const Load& load, std::uint64_t seed);
[[nodiscard]] const std::vector<std::string>& kinds();

}  // namespace mjwatchd::worlds

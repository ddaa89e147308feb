// mjwatch simulate: how late the daemon would be, and how many calls it would make, over a trace.
#pragma once

#include <string>

#include "daemon/client/connection.hpp"

namespace mjwatchd::client {

struct SimulateOrder {
  std::string trace;  ///< file; "-" is standard input
  int batch = 50;
  std::string call_cost = "2s";
  int max_calls_per_minute = 0;  ///< 0: no limit
  std::string latency = "0ms";
  std::string plot;  ///< SVG file to write; empty: none
};
/// Needs no daemon. Throws Trouble.
Exit simulate(bool json, const SimulateOrder& order);

}  // namespace mjwatchd::client

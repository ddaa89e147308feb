// What watching a trace came to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/client/simulate_trace.hpp"

namespace mjwatchd::client {

struct Outcome {
  std::size_t tasks = 0;
  std::uint64_t calls = 0;
  std::vector<milliseconds> delays;  ///< notice minus end, of each task whose end was noticed; sorted by finish()

  [[nodiscard]] double calls_per_task() const;
  /// In seconds; 0 when nothing was noticed.
  [[nodiscard]] double mean() const;
  /// The smallest delay that `share` (0 … 1) of the delays do not exceed, in seconds.
  [[nodiscard]] double percentile(double share) const;
  /// What is to be made small: the mean wait, and calls at their price.
  [[nodiscard]] double cost(milliseconds call_cost) const;
  void finish();
};

}  // namespace mjwatchd::client

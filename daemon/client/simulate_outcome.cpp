#include "daemon/client/simulate_outcome.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mjwatchd::client {
namespace {
double seconds(milliseconds time) { return std::chrono::duration<double>(time).count(); }
}  // namespace

void Outcome::finish() { std::sort(delays.begin(), delays.end()); }

double Outcome::calls_per_task() const {
  return tasks == 0 ? 0 : static_cast<double>(calls) / static_cast<double>(tasks);
}

double Outcome::mean() const {
  if (delays.empty()) return 0;
  return seconds(std::accumulate(delays.begin(), delays.end(), milliseconds(0))) / static_cast<double>(delays.size());
}

double Outcome::percentile(double share) const {
  if (delays.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(delays.size())));
  return seconds(delays[std::clamp<std::size_t>(rank, 1, delays.size()) - 1]);
}

double Outcome::cost(milliseconds call_cost) const { return mean() + seconds(call_cost) * calls_per_task(); }

}  // namespace mjwatchd::client

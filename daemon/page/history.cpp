#include "daemon/page/history.hpp"

#include <algorithm>

namespace mjwatchd::page {
namespace {

/// Counters begin anew when a gateway was away from the configuration in between.
std::uint64_t grown(std::uint64_t now, std::uint64_t before) { return now >= before ? now - before : now; }

/// Within the bucket that holds it, as if its delays were spread evenly; beyond the last bound, that bound.
double p95_between(const DetectionDelay& before, const DetectionDelay& now, std::uint64_t ends) {
  const double wanted = 0.95 * static_cast<double>(ends);
  double low = 0, below = 0;
  for (std::size_t i = 0; i < now.kBounds.size(); ++i) {
    const auto count = static_cast<double>(grown(now.at_most[i], before.at_most[i]));
    if (count >= wanted) return low + (now.kBounds[i] - low) * (wanted - below) / std::max(count - below, 1.0);
    low = now.kBounds[i];
    below = count;
  }
  return low;
}

}  // namespace

void History::fill(std::deque<Minute>& minutes, WallTime now) {
  if (minutes.empty()) return;
  WallTime at = std::max(minutes.back().at, now - kStep * static_cast<int>(kMinutes));
  for (at += kStep; at + kStep <= now; at += kStep) minutes.push_back({at});
}

void History::take(WallTime now, const std::vector<GatewayView>& gateways) {
  for (const auto& view : gateways) {
    auto [at, first] = before_.try_emplace(view.name);
    auto& before = at->second;
    if (view.delay.count < before.delay.count || view.calls < before.calls) before = {};
    if (!first) {
      Minute minute{now, grown(view.calls, before.calls), grown(view.failed_calls, before.failed_calls)};
      minute.ends = view.delay.count - before.delay.count;
      if (minute.ends > 0) {
        minute.delay_mean_s = (view.delay.sum_s - before.delay.sum_s) / static_cast<double>(minute.ends);
        minute.delay_p95_s = p95_between(before.delay, view.delay, minute.ends);
      }
      auto& list = minutes_[view.name];
      fill(list, now);
      list.push_back(minute);
      while (list.size() > kMinutes) list.pop_front();
    }
    before = {view.calls, view.failed_calls, view.delay};
  }
  const auto gone = [&](const auto& one) {
    return std::none_of(gateways.begin(), gateways.end(), [&](const auto& view) { return view.name == one.first; });
  };
  std::erase_if(before_, gone);
  std::erase_if(minutes_, gone);
}

}  // namespace mjwatchd::page

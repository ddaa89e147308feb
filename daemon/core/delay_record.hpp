#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "mjwatchd/watcher.hpp"

namespace mjwatchd {

/// Keeps how late ends were noticed, in little room: counted in bins of a twentieth of a decade, so
/// that a quantile is right to some 6 %.
class DelayRecord {
 public:
  void add(double delay_s) {
    delay_s = std::max(delay_s, 0.0);
    ++view_.count;
    view_.sum_s += delay_s;
    for (std::size_t i = 0; i < DetectionDelay::kBounds.size(); ++i) {
      if (delay_s <= DetectionDelay::kBounds[i]) ++view_.at_most[i];
    }
    const double place = std::log10(std::max(delay_s, kLeast) / kLeast) * kPerDecade;
    ++bins_[std::min(static_cast<std::size_t>(place), kBins - 1)];
  }

  [[nodiscard]] DetectionDelay view() const {
    DetectionDelay view = view_;
    view.p50_s = quantile(0.5);
    view.p95_s = quantile(0.95);
    return view;
  }

 private:
  static constexpr double kLeast = 1e-3, kPerDecade = 20;
  static constexpr std::size_t kBins = 120;  ///< a millisecond to a thousand seconds

  [[nodiscard]] double quantile(double share) const {
    double left = share * static_cast<double>(view_.count);
    for (std::size_t i = 0; i < kBins; ++i) {
      const auto here = static_cast<double>(bins_[i]);
      if (here > 0 && left <= here) {
        return kLeast * std::pow(10, (static_cast<double>(i) + left / here) / kPerDecade);
      }
      left -= here;
    }
    return 0;
  }

  DetectionDelay view_;
  std::array<std::uint64_t, kBins> bins_{};
};

}  // namespace mjwatchd

#include "daemon/core/schedule_curve.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace mjwatchd {
Curve::Curve(float width, const NodeTimes& times, std::size_t size, const std::array<float, kNodes>& survival)
    : size_(size), width_(width), per_width_(1 / width) {
  assert(size_ >= 1 && size_ <= kNodes);
  for (std::size_t i = 0; i < size_; i += 4) put_four(&ended_[i], 1 - four_at(&survival[i]));
  // What accrues in each cell, and then the sums.
  std::array<float, kNodes + 1> cells;
  for (std::size_t i = 0; i + 1 < size_; i += 4) {
    const FourFloats gaps = four_at(&times[i + 1]) - four_at(&times[i]);
    put_four(&cells[i], gaps * (four_at(&ended_[i]) + four_at(&ended_[i + 1])) / 2);
  }
  for (std::size_t i = 1; i < size_; ++i) accrued_[i] = accrued_[i - 1] + cells[i - 1];
}

Curve::Curve(float width, std::span<const float> survival)
    : Curve(width, kCurveNodes.times(width), survival.size(), [&] {
        std::array<float, kNodes> all{};
        std::copy(survival.begin(), survival.end(), all.begin());
        return all;
      }()) {}

float Curve::reaches(float waiting) const {
  if (waiting <= 0) return 0;
  const auto cell = static_cast<std::size_t>(std::upper_bound(accrued_.begin() + 1, accrued_.begin() + size_, waiting) -
                                             accrued_.begin()) -
                    1;
  const float rest = waiting - accrued_[cell], rate = ended_[cell];
  if (cell + 1 >= size_) return rate > 0 ? node(cell, width_) + rest / rate : std::numeric_limits<float>::infinity();
  const float slope = (ended_[cell + 1] - rate) / (node(cell + 1, width_) - node(cell, width_));
  // The root of rate·x + slope·x²/2 = rest, written so that a slope near 0 does no harm.
  return node(cell, width_) + 2 * rest / (rate + std::sqrt(std::max(rate * rate + 2 * slope * rest, 0.0F)));
}

float Curve::ended(float probability) const {
  for (std::size_t i = 1; i < size_; ++i) {
    if (ended_[i] < probability) continue;
    const float into = (probability - ended_[i - 1]) / (ended_[i] - ended_[i - 1]);
    return node(i - 1, width_) + into * (node(i, width_) - node(i - 1, width_));
  }
  return std::numeric_limits<float>::infinity();
}

}  // namespace mjwatchd

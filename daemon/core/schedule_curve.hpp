#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "daemon/core/schedule_lanes.hpp"

namespace mjwatchd {

/// Where a Curve has its nodes, and how to find them: this is looked up some hundred times for a call.
class CurveNodes {
 public:
  static constexpr std::size_t kNodes = 44;
  static constexpr std::size_t kPadded = kNodes + 4;  ///< some more, so that four at once can be looked at
  static_assert(kNodes % 4 == 0);

  constexpr CurveNodes() {
    for (std::size_t i = 1; i < at_.size(); ++i) at_[i] = i <= kEven ? static_cast<float>(i) : at_[i - 1] * kSpread;
    for (std::size_t i = 0; i < kNodes; ++i) per_gap_[i] = 1 / (at_[i + 1] - at_[i]);
    for (std::size_t i = 0; i < kEighths; ++i) {
      while (cell_[i] + 1U < kNodes && at_[cell_[i] + 1U] <= std::bit_cast<float>(kOne + (std::uint32_t(i) << kShift)))
        ++cell_[i];
      if (i + 1 < kEighths) cell_[i + 1] = cell_[i];
    }
  }
  [[nodiscard]] constexpr float operator[](std::size_t index) const { return at_[index]; }
  /// All of them, as of a first cell that wide.
  [[nodiscard]] std::array<float, kPadded> times(float width) const {
    std::array<float, kPadded> times;
    for (std::size_t i = 0; i < kPadded; i += 4) put_four(&times[i], four_at(&at_[i]) * width);
    return times;
  }
  /// One by the distance from that node to the next.
  [[nodiscard]] constexpr float per_gap(std::size_t index) const { return per_gap_[index]; }
  /// The last node at or before; `at` is not negative.
  [[nodiscard]] constexpr std::size_t before(float at) const {
    if (at < 1) return 0;
    const std::size_t eighth = (std::bit_cast<std::uint32_t>(at) - kOne) >> kShift;
    if (eighth >= kEighths) return kNodes - 1;
    const std::size_t cell = cell_[eighth];  // no eighth of a doubling has two nodes
    return cell + 1 < kNodes && at_[cell + 1] <= at ? cell + 1 : cell;
  }

 private:
  static constexpr std::size_t kEven = 4;  ///< nodes before they spread out
  static constexpr float kSpread = 1.25F;
  static constexpr std::size_t kEighths = 15 * 8;  ///< of a doubling, from 1 on
  static constexpr std::uint32_t kOne = std::bit_cast<std::uint32_t>(1.0F);
  static constexpr unsigned kShift = 20;  ///< what is left of a float then tells eighths of a doubling

  std::array<float, kPadded> at_{};  ///< the last cell has an end, too
  std::array<float, kNodes> per_gap_{};
  std::array<std::uint8_t, kEighths> cell_{};  ///< the last node before each
};
inline constexpr CurveNodes kCurveNodes;
using NodeTimes = std::array<float, CurveNodes::kPadded>;  ///< a number for each

/// What is expected of a task from a look on: the waiting it will have accrued, had it ended unnoticed,
/// that is the integral of the probability that it has ended. Times are seconds after the look.
class Curve {
 public:
  static constexpr std::size_t kNodes = CurveNodes::kNodes;
  /// Nodes lie at multiples of `width` at first, then each a quarter farther out than the one before:
  /// what happens soon after a look matters most.
  [[nodiscard]] static float node(std::size_t index, float width) { return kCurveNodes[index] * width; }

  /// What has accrued, and how fast it does.
  struct Waiting {
    float accrued = 0, rate = 0;
  };

  /// It never ends.
  Curve() = default;
  /// From the probability to last beyond each of the first `size` nodes, which lie at `times`; between nodes it falls
  /// evenly. Those beyond are like the last.
  Curve(float width, const NodeTimes& times, std::size_t size, const std::array<float, kNodes>& survival);
  Curve(float width, std::span<const float> survival);

  [[nodiscard]] Waiting waiting(float after) const {
    if (after <= 0) return {};
    const float at = after * per_width_;
    const std::size_t cell = std::min(kCurveNodes.before(at), size_ - 1);
    const float into = at - kCurveNodes[cell], begin = ended_[cell];
    const float rate =
        cell + 1 == size_ ? begin : begin + (ended_[cell + 1] - begin) * into * kCurveNodes.per_gap(cell);
    return {accrued_[cell] + into * width_ * (begin + rate) / 2, rate};
  }
  [[nodiscard]] float accrued(float after) const { return waiting(after).accrued; }
  /// When so much has accrued; infinity if it never has.
  [[nodiscard]] float reaches(float waiting) const;
  /// When it has ended with that probability; infinity if that is beyond what is foreseen.
  [[nodiscard]] float ended(float probability) const;

 private:
  std::size_t size_ = 1;
  float width_ = 1, per_width_ = 1;        ///< of the first cell, and one by it
  std::array<float, kNodes + 1> ended_{};  ///< probability, at each node
  std::array<float, kNodes> accrued_{};    ///< up to each node
};

}  // namespace mjwatchd

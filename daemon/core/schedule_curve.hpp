#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace mjwatchd {

/// What is expected of a task from a look on: the waiting it will have accrued, had it ended unnoticed,
/// that is the integral of the probability that it has ended. Times are seconds after the look.
class Curve {
 public:
  static constexpr std::size_t kNodes = 44;
  /// Nodes lie at multiples of `width` at first, then each a quarter farther out than the one before:
  /// what happens soon after a look matters most.
  [[nodiscard]] static float node(std::size_t index, float width);

  /// It never ends.
  Curve() = default;
  /// From the probability to last beyond each node; between nodes it falls evenly. Those beyond the
  /// last one given are like it.
  Curve(float width, std::span<const float> survival);

  [[nodiscard]] float accrued(float after) const;
  /// When so much has accrued; infinity if it never has.
  [[nodiscard]] float reaches(float waiting) const;
  /// When it has ended with that probability; infinity if that is beyond what is foreseen.
  [[nodiscard]] float ended(float probability) const;

 private:
  std::size_t size_ = 1;
  float width_ = 1;
  std::array<float, kNodes> ended_{};    ///< probability, at each node
  std::array<float, kNodes> accrued_{};  ///< up to each node
};

}  // namespace mjwatchd

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>

namespace mjwatchd {

/// Which progress a task shows at which share of its run, learned from runs that ended. It tells how
/// long a run will be from the progress it shows now: nothing on a gateway that always says 0 %, little
/// where the last step stalls.
class PaceTable {
 public:
  /// Tenths of the progress; 0 is "0%", before the first step.
  static constexpr std::size_t kSteps = 12;
  [[nodiscard]] static std::uint8_t step(std::uint8_t progress);

  /// Nothing is known.
  PaceTable() = default;
  /// As the recorded timings are: nothing for a fifth of the run, then steps at an even pace.
  static PaceTable recorded();

  /// A run showed that step from one share of itself (0 … 1) to another.
  void saw(std::uint8_t step, float from, float to);
  void add(const PaceTable& other);
  void forget(float factor);
  /// Takes up what was counted; `prior` weighs as much as so many runs.
  void derive(const PaceTable& prior, float weight);
  /// Probability to show that step at that share.
  [[nodiscard]] float likelihood(std::uint8_t step, float share) const {
    const float at = std::clamp(share, 0.0F, 1.0F) * kShares;
    const int part = std::min(static_cast<int>(at), static_cast<int>(kShares) - 1);  // signed: quickly made a float
    const float* values = &likelihood_[step][static_cast<std::size_t>(part)];
    return values[0] + (values[1] - values[0]) * (at - static_cast<float>(part));
  }

  void write(std::ostream& out) const;
  [[nodiscard]] bool read(std::istream& in);

 private:
  static constexpr std::size_t kShares = 40;  ///< parts of a run
  using ByShare = std::array<float, kShares + 1>;

  std::array<ByShare, kSteps> seen_{};
  std::array<ByShare, kSteps> likelihood_{};
};

}  // namespace mjwatchd

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>

#include "daemon/core/schedule_lanes.hpp"
#include "daemon/core/schedule_memory.hpp"

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
  /// Probability to show that step at each of four shares.
  [[nodiscard]] FourFloats likelihood(std::uint8_t step, FourFloats shares) const {
    const FourFloats at = lesser(greater(shares, four(0)), four(1)) * kShares;
    const FourInts parts = whole(lesser(at, four(kShares - 1)));
    return between(likelihood_[step].data(), parts, at - floats(parts));
  }

  void write(std::string& out, Exactness exactness) const;  ///< behind what is there
  [[nodiscard]] bool read(std::istream& in);

 private:
  static constexpr std::size_t kShares = 40;       ///< parts of a run
  using ByShare = std::array<float, kShares + 4>;  ///< also at the run's end; four at once can be looked at
  static_assert(kShares % 4 == 0);

  std::array<ByShare, kSteps> seen_{};
  std::array<ByShare, kSteps> likelihood_{};
};

}  // namespace mjwatchd

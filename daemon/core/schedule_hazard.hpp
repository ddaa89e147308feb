#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <string>

#include "daemon/core/schedule_lanes.hpp"
#include "daemon/core/schedule_memory.hpp"

namespace mjwatchd {

/// How long something lasts, learned while it goes on: the hazard of its end, in bins of log time.
/// Time seen to pass without an end counts as much as ends do, so that what still runs is not taken
/// for what ended soon. Times are in seconds. What is counted takes effect at derive().
class HazardTable {
 public:
  /// Nothing is known.
  HazardTable() = default;
  /// As if derived from a log-normal distribution of that median and deviation of the logarithm.
  HazardTable(float median, float sigma);

  void passed(float from, float to);  ///< it went on all that time
  void ended(float at);
  void add(const HazardTable& other);
  void forget(float factor);  ///< what was counted so far counts that much less

  /// Takes up what was counted; `prior` weighs as much as so many things seen from beginning to end.
  void derive(const HazardTable& prior, float weight);
  /// Hazard up to `time`: it lasts longer with probability exp(−cumulative).
  [[nodiscard]] float cumulative(float time) const {
    const float at = place(time);
    if (at <= 0) return 0;
    if (at >= static_cast<float>(kBins)) return sum_[kBins] + (at - static_cast<float>(kBins)) * kBeyond;
    const int bin = static_cast<int>(at);  // signed: quickly made a float
    const float* sums = &sum_[static_cast<std::size_t>(bin)];
    return sums[0] + (sums[1] - sums[0]) * (at - static_cast<float>(bin));
  }
  /// Of four times.
  [[nodiscard]] FourFloats cumulative(FourFloats times) const {
    const FourInts bits =
        std::bit_cast<FourInts>(greater(times, four(kLeast))) - std::bit_cast<std::int32_t>(kShortest);
    const FourFloats at = floats(bits) / kBitsPerBin;
    const FourInts bins = whole(lesser(greater(at, four(0)), four(kBins - 1)));
    const FourFloats sums = between(sum_.data(), bins, at - floats(bins));
    if (which(at >= kBins) != 0) [[unlikely]]
      return at >= kBins ? sum_[kBins] + (at - kBins) * kBeyond : at > 0 ? sums : four(0);
    return at > 0 ? sums : four(0);
  }

  void write(std::string& out, Exactness exactness) const;  ///< behind what is there
  [[nodiscard]] bool read(std::istream& in);

 private:
  static constexpr std::size_t kBins = 130;  ///< an eighth of a doubling: from 50 ms to an hour
  static constexpr float kBeyond = 0.1F;     ///< hazard in a bin's width beyond the last
  static constexpr float kShortest = 0.05F;  ///< seconds
  static constexpr float kLeast = 1e-3F;     ///< what is shorter is as long as that

  /// The logarithm of a float is, near enough, the bits that hold it: exponent, then mantissa. Between
  /// powers of two it is a straight line, and costs a tenth of std::log.
  static constexpr std::int32_t kBitsPerBin = 1 << 20;
  static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<float>::digits == 24);

  /// Where a time lies, in bins; negative before the first.
  [[nodiscard]] static float place(float time) {
    const auto bits = std::bit_cast<std::int32_t>(std::max(time, kLeast)) - std::bit_cast<std::int32_t>(kShortest);
    return static_cast<float>(bits) / kBitsPerBin;
  }
  /// The time of a bin's beginning.
  [[nodiscard]] static float time_of(std::size_t bin) {
    return std::bit_cast<float>(std::bit_cast<std::int32_t>(kShortest) + static_cast<std::int32_t>(bin) * kBitsPerBin);
  }

  static constexpr std::size_t kPadded = (kBins + 3) / 4 * 4;  ///< so that four at once can be looked at

  std::array<float, kPadded> events_{};
  std::array<float, kPadded> exposure_{};  ///< in bins
  std::array<float, kPadded + 4> sum_{};   ///< cumulative hazard at each bin's beginning, the last one's end too
};

}  // namespace mjwatchd

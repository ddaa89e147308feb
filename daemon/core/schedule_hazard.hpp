#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>

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
  [[nodiscard]] float cumulative(float time) const;

  void write(std::ostream& out) const;
  [[nodiscard]] bool read(std::istream& in);

 private:
  static constexpr std::size_t kBins = 130;  ///< an eighth of a doubling: from 50 ms to an hour

  std::array<float, kBins> events_{};
  std::array<float, kBins> exposure_{};  ///< in bins
  std::array<float, kBins + 1> sum_{};   ///< cumulative hazard at each bin's beginning
};

}  // namespace mjwatchd

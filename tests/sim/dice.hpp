// Random numbers that a seed repeats, on every machine and with every compiler.
#pragma once

#include <cstdint>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL) {}

  std::uint64_t roll() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  /// Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(roll() % static_cast<std::uint64_t>(high - low + 1));
  }
  milliseconds between(milliseconds low, milliseconds high) { return milliseconds(between(low.count(), high.count())); }
  std::size_t below(std::size_t size) { return static_cast<std::size_t>(roll() % size); }
  /// True in `percent` of a hundred cases.
  bool chance(double percent) { return static_cast<double>(roll() >> 11U) * 0x1p-53 * 100.0 < percent; }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace mjwatchd::sim

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mjwatchd {

/// Four numbers, reckoned at once where the processor can; gcc and clang know how. Each comes to what it would by
/// itself, bit by bit.
using FourFloats [[gnu::vector_size(16)]] = float;
using FourInts [[gnu::vector_size(16)]] = std::int32_t;
using FourBits [[gnu::vector_size(16)]] = std::uint32_t;

[[nodiscard]] inline FourFloats four(float number) { return FourFloats{} + number; }
/// The four that begin at `first`.
[[nodiscard]] inline FourFloats four_at(const float* first) {
  FourFloats numbers;
  std::memcpy(&numbers, first, sizeof numbers);
  return numbers;
}
inline void put_four(float* first, FourFloats numbers) { std::memcpy(first, &numbers, sizeof numbers); }

#ifdef __SSE2__
[[nodiscard]] inline FourFloats greater(FourFloats a, FourFloats b) { return __builtin_ia32_maxps(a, b); }
[[nodiscard]] inline FourFloats lesser(FourFloats a, FourFloats b) { return __builtin_ia32_minps(a, b); }
/// A bit for each that is true, the first one's the lowest.
[[nodiscard]] inline unsigned which(FourInts truth) {
  return static_cast<unsigned>(__builtin_ia32_movmskps(std::bit_cast<FourFloats>(truth)));
}
#else
[[nodiscard]] inline FourFloats greater(FourFloats a, FourFloats b) { return a > b ? a : b; }
[[nodiscard]] inline FourFloats lesser(FourFloats a, FourFloats b) { return a < b ? a : b; }
[[nodiscard]] inline unsigned which(FourInts truth) {
  return (truth[0] & 1U) | (truth[1] & 2U) | (truth[2] & 4U) | (truth[3] & 8U);
}
#endif
[[nodiscard]] inline float greater(float a, float b) { return a > b ? a : b; }
/// Towards zero.
[[nodiscard]] inline FourInts whole(FourFloats numbers) { return __builtin_convertvector(numbers, FourInts); }
[[nodiscard]] inline FourFloats floats(FourInts numbers) { return __builtin_convertvector(numbers, FourFloats); }

/// Each on its own way between a table's entry at its place, which is not negative, and the next.
[[nodiscard]] inline FourFloats between(const float* table, FourInts place, FourFloats into) {
  std::array<std::uint32_t, 4> at;
  std::memcpy(&at, &place, sizeof at);
  std::array<float, 8> pairs;
  for (std::size_t i = 0; i < 4; ++i) std::memcpy(&pairs[2 * i], table + at[i], 2 * sizeof(float));
  const FourFloats a = four_at(&pairs[0]), b = four_at(&pairs[4]);
  const FourFloats first = __builtin_shufflevector(a, b, 0, 2, 4, 6);
  const FourFloats next = __builtin_shufflevector(a, b, 1, 3, 5, 7);
  return first + (next - first) * into;
}

}  // namespace mjwatchd

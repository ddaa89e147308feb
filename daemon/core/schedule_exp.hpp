#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "daemon/core/schedule_lanes.hpp"

namespace mjwatchd {

/// e to the power of something not above 0: what is left of a probability. Right to two units in a float's last place,
/// as good as 0 below −87, and several times as quick as std::exp, which is not inlined; a forecast is little else.
/// Of one number or of four.
template <typename Number>
[[nodiscard]] inline Number survival(Number power) {
  using Bits = std::conditional_t<std::is_same_v<Number, float>, std::uint32_t, FourBits>;
  constexpr float kLeast = -87;
  constexpr float kPerOctave = 1.44269504F;                               // log2 e
  constexpr float kOctave = 0.693359375F, kOctaveRest = -2.12194440e-4F;  // ln 2, and what that lacks of it
  constexpr float kRound = 12582912;  // 1.5 · 2²³: what is added to it is rounded
  const Number clamped = greater(power, Number{} + kLeast);
  const Number shifted = clamped * kPerOctave + kRound;
  const Number octaves = shifted - kRound;
  const Number x = (clamped - octaves * kOctave) - octaves * kOctaveRest;
  Number p = x * 1.9875691e-4F + 1.3981999e-3F;
  p = p * x + 8.3334519e-3F;
  p = p * x + 4.1665795e-2F;
  p = p * x + 1.6666665e-1F;
  p = p * x + 5.0000001e-1F;
  p = p * x * x + x + 1.0F;
  const Bits exponent = std::bit_cast<Bits>(shifted) << 23U;  // `octaves` is in its last bits
  return std::bit_cast<Number>(std::bit_cast<Bits>(p) + exponent);
}

/// Of the first `count`, and maybe of some after them.
template <std::size_t kSize>
void survivals(std::array<float, kSize>& powers, std::size_t count) {
  static_assert(kSize % 4 == 0);
  for (std::size_t i = 0; i < count; i += 4) put_four(&powers[i], survival(four_at(&powers[i])));
}

}  // namespace mjwatchd

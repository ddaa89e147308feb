#include "daemon/core/schedule_memory.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <istream>
#include <string>

namespace mjwatchd {
namespace {
constexpr float kMost = 1e6F;
constexpr float kLeast = 5e-3F;  ///< less is nothing

constexpr std::size_t kLongest = 12;  ///< characters of a number or a run of zeros, and the blank before it

/// Its first three digits; a plain decimal fraction. Every schedule is written each minute, and neither a
/// stream nor std::to_chars is quick at it.
char* put(char* at, float number) {
  static constexpr std::array<unsigned, 6> kPowers{1, 10, 100, 1'000, 10'000, 100'000};
  double digits = number;
  int zeros = 0;
  for (; digits >= 999.5; ++zeros) digits /= 10;
  const double most = digits;
  std::size_t fraction = 0;  // how many of the digits come after the point
  while (digits < 100 && zeros == 0) digits = most * kPowers[++fraction];
  auto left = static_cast<unsigned>(digits + 0.5);
  for (; fraction > 0 && left % 10 == 0; --fraction) left /= 10;
  const unsigned whole = left / kPowers[fraction], rest = left % kPowers[fraction];
  const auto digit = [&at](unsigned one) { *at++ = static_cast<char>('0' + one % 10); };
  if (whole >= 100) digit(whole / 100);
  if (whole >= 10) digit(whole / 10);
  digit(whole);
  for (; zeros > 0; --zeros) digit(0);
  if (fraction > 0) *at++ = '.';
  while (fraction > 0) digit(rest / kPowers[--fraction]);
  return at;
}
}  // namespace

void write_numbers(std::string& out, std::span<const float> numbers) {
  out += std::to_string(numbers.size());
  const std::size_t before = out.size();
  out.resize(before + kLongest * numbers.size() + 1);
  char* at = &out[before];
  for (std::size_t i = 0; i < numbers.size();) {
    *at++ = ' ';
    if (numbers[i] >= kLeast) {
      at = put(at, numbers[i++]);
      continue;
    }
    const std::size_t first = i;
    while (i < numbers.size() && numbers[i] < kLeast) ++i;
    *at++ = '*';
    at = std::to_chars(at, at + kLongest, i - first).ptr;
  }
  *at++ = '\n';
  out.resize(static_cast<std::size_t>(at - out.data()));
}

bool read_numbers(std::istream& in, std::span<float> numbers) {
  std::size_t count = 0;
  if (!(in >> count) || count != numbers.size()) return false;
  for (std::size_t i = 0; i < numbers.size();) {
    if ((in >> std::ws).peek() == '*') {
      std::size_t zeros = 0;
      if (!(in.ignore() >> zeros) || zeros == 0 || zeros > numbers.size() - i) return false;
      for (; zeros > 0; --zeros) numbers[i++] = 0;
      continue;
    }
    if (!(in >> numbers[i]) || !(numbers[i] >= 0 && numbers[i] <= kMost)) return false;
    ++i;
  }
  return true;
}

}  // namespace mjwatchd

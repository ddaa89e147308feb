#include "daemon/core/schedule_memory.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <istream>
#include <string>

namespace mjwatchd {
namespace {
constexpr float kMost = 1e6F;

constexpr std::size_t kLongest = 12;  ///< characters of a number or a run of zeros, and the blank before it

/// Three digits as text.
using Digits = std::array<char, 4>;
constexpr auto kDigits = [] {
  std::array<Digits, 1000> all{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = {static_cast<char>('0' + i / 100), static_cast<char>('0' + i / 10 % 10), static_cast<char>('0' + i % 10)};
  }
  return all;
}();

/// What is 1,000 or more: its first three digits, and zeros.
char* put_large(char* at, double number) {
  std::ptrdiff_t zeros = 0;
  for (; number >= 999.5; ++zeros) number /= 10;
  at = std::copy_n(kDigits[static_cast<std::size_t>(number + 0.5)].data(), 3, at);
  return std::fill_n(at, zeros, '0');
}

/// Its first three digits; a plain decimal fraction. Every schedule is written each minute, and neither a
/// stream nor std::to_chars is quick at it.
char* put(char* at, double number) {
  static constexpr std::array<double, 6> kPowers{1, 10, 100, 1e3, 1e4, 1e5};
  if (number >= 999.5) return put_large(at, number);
  std::size_t fraction = 0;  // how many of the digits come after the point
  while (number * kPowers[fraction] < 100) ++fraction;
  auto three = static_cast<std::size_t>(number * kPowers[fraction] + 0.5);
  if (three == 1000) {
    three = 100;
    --fraction;
  }
  const Digits& digits = kDigits[three];
  std::size_t last = digits[2] != '0' ? 3 : digits[1] != '0' ? 2 : 1;  // those that are written
  if (fraction >= 3) {
    *at++ = '0';
    *at++ = '.';
    at = std::fill_n(at, fraction - 3, '0');
    return std::copy_n(digits.data(), last, at);
  }
  const std::size_t whole = 3 - fraction;
  at = std::copy_n(digits.data(), whole, at);
  if (last <= whole) return at;
  *at++ = '.';
  return std::copy(digits.begin() + static_cast<std::ptrdiff_t>(whole),
                   digits.begin() + static_cast<std::ptrdiff_t>(last), at);
}

/// Six digits.
char* put_exactly(char* at, float number) {
  return std::to_chars(at, at + kLongest, number, std::chars_format::general, 6).ptr;
}
}  // namespace

void write_numbers(std::string& out, std::span<const float> numbers, Exactness exactness) {
  const float least = exactness == Exactness::kept ? 5e-3F : 5e-4F;  // less is nothing
  out += std::to_string(numbers.size());
  const std::size_t before = out.size();
  out.resize(before + kLongest * numbers.size() + 1);
  char* at = &out[before];
  for (std::size_t i = 0; i < numbers.size();) {
    *at++ = ' ';
    if (numbers[i] >= least) {
      const float number = numbers[i++];
      at = exactness == Exactness::kept ? put(at, static_cast<double>(number)) : put_exactly(at, number);
      continue;
    }
    const std::size_t first = i;
    while (i < numbers.size() && numbers[i] < least) ++i;
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

#include "daemon/core/schedule_memory.hpp"

#include <array>
#include <cstddef>
#include <istream>
#include <ostream>
#include <string>

namespace mjwatchd {
namespace {
constexpr float kMost = 1e6F;
constexpr float kLeast = 5e-3F;  ///< less is nothing

/// Its first three digits; a plain decimal fraction. Every schedule is written each minute, and neither a
/// stream nor std::to_chars is quick at it.
void append(std::string& text, float number) {
  double digits = number;
  int fraction = 0;  // how many of the digits come after the point; less than 0: zeros after the digits
  for (; digits < 100; ++fraction) digits *= 10;
  for (; digits >= 999.5; --fraction) digits /= 10;
  auto left = static_cast<unsigned>(digits + 0.5);
  for (; fraction > 0 && left % 10 == 0; --fraction) left /= 10;
  std::array<char, 16> out{};  // from its end on
  std::size_t at = out.size();
  const auto put = [&](char c) { out[--at] = c; };
  for (int zero = fraction; zero < 0; ++zero) put('0');
  for (int place = 0; left != 0 || place <= fraction; ++place, left /= 10) {
    if (place == fraction && place > 0) put('.');
    put(static_cast<char>('0' + left % 10));
  }
  text.append(&out[at], out.size() - at);
}
}  // namespace

void write_numbers(std::ostream& out, std::span<const float> numbers) {
  std::string text = std::to_string(numbers.size());
  std::size_t zeros = 0;
  for (std::size_t i = 0; i <= numbers.size(); ++i) {
    if (i < numbers.size() && numbers[i] < kLeast) {
      ++zeros;
      continue;
    }
    if (zeros > 0) text += " *" + std::to_string(zeros);
    zeros = 0;
    if (i == numbers.size()) break;
    text += ' ';
    append(text, numbers[i]);
  }
  out << text << '\n';
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

#include "daemon/core/schedule_memory.hpp"

#include <array>
#include <charconv>
#include <istream>
#include <ostream>
#include <string>

namespace mjwatchd {
namespace {
constexpr float kMost = 1e6F;
constexpr float kLeast = 5e-3F;  ///< less is nothing

/// As a stream writes it with three digits, and several times as fast: every schedule is written each minute.
void append(std::string& text, float number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::general, 3);
  text.append(digits.data(), end.ptr);
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

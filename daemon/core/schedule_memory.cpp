#include "daemon/core/schedule_memory.hpp"

#include <istream>
#include <ostream>
#include <string>

namespace mjwatchd {
namespace {
constexpr float kMost = 1e6F;
constexpr float kLeast = 5e-3F;  ///< less is nothing
}  // namespace

void write_numbers(std::ostream& out, std::span<const float> numbers) {
  out.precision(3);
  out << numbers.size();
  std::size_t zeros = 0;
  for (std::size_t i = 0; i <= numbers.size(); ++i) {
    if (i < numbers.size() && numbers[i] < kLeast) {
      ++zeros;
      continue;
    }
    if (zeros > 0) out << " *" << zeros;
    zeros = 0;
    if (i < numbers.size()) out << ' ' << numbers[i];
  }
  out << '\n';
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

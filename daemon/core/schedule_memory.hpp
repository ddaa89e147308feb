// Numbers as short text, for what a schedule keeps over a restart.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace mjwatchd {

/// How exactly counts are written.
enum class Exactness {
  kept,   ///< three digits: what is read once, at a start
  passed  ///< six: what is added to and written again each minute, when a task is a thousandth of what is there
};

/// Adds a line: how many, then each to so many digits; a run of n zeros is "*n".
void write_numbers(std::string& out, std::span<const float> numbers, Exactness exactness = Exactness::kept);
/// False when it isn't such a line of as many, or holds anything but counts from 0 to a million.
[[nodiscard]] bool read_numbers(std::istream& in, std::span<float> numbers);

}  // namespace mjwatchd

// What has to hold, in a fuzz target: a broken promise ends the program, which keeps the input.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace mjwatchd::fuzz {

inline void must(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A sentence for people: one line, of printable bytes, not endless.
inline void must_be_line(std::string_view text) {
  must(text.size() <= 4096);
  for (const char c : text) must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace mjwatchd::fuzz

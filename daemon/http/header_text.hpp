// What a header is written with (RFC 9110, section 5).
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace mjwatchd::http {

namespace header_text {
/// Looked up, as it is asked of each character of each header.
using Kind = std::array<bool, 256>;

constexpr Kind make_token() {
  Kind kind{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) kind[static_cast<unsigned char>(c)] = true;
  for (unsigned c = '0'; c <= '9'; ++c) kind[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) kind[c] = kind[c - 'A' + 'a'] = true;
  return kind;
}

constexpr Kind make_control() {
  Kind kind{};
  for (unsigned c = 0; c < 0x20; ++c) kind[c] = c != '\t';
  kind[0x7F] = true;
  return kind;
}

inline constexpr Kind kToken = make_token(), kControl = make_control();
}  // namespace header_text

/// A token (5.6.2): a method or a header's name.
[[nodiscard]] inline bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return header_text::kToken[static_cast<unsigned char>(c)]; });
}

/// What no header's value may have (5.5); a tab it may.
[[nodiscard]] inline bool is_control(char c) { return header_text::kControl[static_cast<unsigned char>(c)]; }
[[nodiscard]] inline bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

}  // namespace mjwatchd::http

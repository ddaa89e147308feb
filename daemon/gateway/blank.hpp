// What JSON calls white space.
#pragma once

#include <string_view>

namespace mjwatchd::gateway {

[[nodiscard]] constexpr bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Without it at both ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace mjwatchd::gateway

#include "daemon/gateway/repair.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

namespace mjwatchd::gateway {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// The code unit of the `\uXXXX` at the start; 0 when there is none.
std::uint32_t escaped_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return 0;
  std::uint32_t unit = 0;
  for (const char c : text.substr(2, 4)) {
    const auto digit = c >= '0' && c <= '9'   ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : -1;
    if (digit < 0) return 0;
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return unit;
}

bool high(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool low(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// Copies one escape sequence; answers how many characters it took.
std::size_t copy_escape(std::string_view rest, std::string& out) {
  const auto unit = escaped_unit(rest);
  if (high(unit) && low(escaped_unit(rest.substr(6)))) {
    out += rest.substr(0, 12);
    return 12;
  }
  if (high(unit) || low(unit)) {
    out += kReplacement;
    return 6;
  }
  out += rest.substr(0, 2);
  return std::min<std::size_t>(rest.size(), 2);
}

void escape_control(char c, std::string& out) {
  constexpr const char* kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHex[byte >> 4U];
  out += kHex[byte & 15U];
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned first = at(0);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && at(1) < 0xA0;
    const bool surrogate = first == 0xED && at(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && at(1) < 0x90;
    const bool beyond = first == 0xF4 && at(1) > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool sound(std::string_view json) {
  if (json.starts_with(kMark) || json.find('\\') != std::string_view::npos) return false;
  const bool control = std::any_of(json.begin(), json.end(), [](char c) { return c >= 0 && c < 0x20; });
  return !control && simdjson::validate_utf8(json.data(), json.size());
}

std::string repaired(std::string_view json) {
  if (json.starts_with(kMark)) json.remove_prefix(kMark.size());
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  while (!json.empty()) {
    const char c = json.front();
    std::size_t taken = 1;
    if (in_string && c == '\\') {
      taken = copy_escape(json, out);
    } else if (in_string && static_cast<unsigned char>(c) < 0x20) {
      escape_control(c, out);
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      const std::size_t length = utf8_length(json);
      out += length == 0 ? kReplacement : json.substr(0, length);
      taken = length == 0 ? 1 : length;
    } else {
      if (c == '"') in_string = !in_string;
      out += c;
    }
    json.remove_prefix(taken);
  }
  return out;
}

}  // namespace mjwatchd::gateway

#include "daemon/gateway/repair.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

#include "mjwatchd/ascii.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::gateway {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

/// The code unit of the `\uXXXX` at the start; 0 when there is none.
std::uint32_t escaped_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return 0;
  std::uint32_t unit = 0;
  for (const char c : text.substr(2, 4)) {
    const int digit = hex_value(c);
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
  out += "\\u00";
  append_hex(out, static_cast<unsigned char>(c));
}

}  // namespace

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

// Reading the daemon's JSON without fear: what is absent or of another kind reads as empty.
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::client {

/// Throws Trouble(error) when it is not JSON.
[[nodiscard]] rapidjson::Document parse_json(std::string_view text);

/// The member of that name; a null value when absent or when `object` is not an object.
[[nodiscard]] const rapidjson::Value& member(const rapidjson::Value& object, const char* key);
/// A text as it is; a number or a boolean written out; else empty.
[[nodiscard]] std::string text(const rapidjson::Value& value);
[[nodiscard]] inline std::string text(const rapidjson::Value& object, const char* key) {
  return text(member(object, key));
}
/// Compact JSON.
[[nodiscard]] std::string dump(const rapidjson::Value& value);
/// Indented JSON.
[[nodiscard]] std::string dump_pretty(const rapidjson::Value& value);
/// A JSON string literal.
[[nodiscard]] std::string json_text(std::string_view text);
/// A JSON array of string literals.
[[nodiscard]] std::string json_texts(const std::vector<std::string>& texts);

}  // namespace mjwatchd::client

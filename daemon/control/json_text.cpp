#include "daemon/control/json_text.hpp"

#include <rapidjson/encodings.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cmath>

#include "daemon/webhooks/body.hpp"

namespace mjwatchd::control {
namespace {

/// Bytes of the well-formed character at the start; 0 when there is none.
std::size_t character(std::string_view text) {
  rapidjson::MemoryStream in(text.data(), text.size());
  unsigned codepoint = 0;
  return rapidjson::UTF8<>::Decode(in, &codepoint) ? in.Tell() : 0;
}

bool is_json(std::string_view text) {
  rapidjson::MemoryStream in(text.data(), text.size());
  rapidjson::BaseReaderHandler<> ignore;
  rapidjson::Reader reader;
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
  return !reader.Parse<kFlags>(in, ignore).IsError();
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character(text);
    clean += size == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return clean;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

JsonText& JsonText::key(std::string_view name) {
  writer_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  return *this;
}

JsonText& JsonText::text(std::string_view value) {
  writer_.String(valid_utf8(value));
  return *this;
}

JsonText& JsonText::real(double value) {
  if (!std::isfinite(value)) return null();
  writer_.Double(std::round(value * 1000) / 1000);
  return *this;
}

JsonText& JsonText::time(WallTime value) { return text(webhooks::iso8601(value)); }

JsonText& JsonText::json(std::string_view json, std::string_view otherwise) {
  const auto chosen = is_json(json) ? json : otherwise;
  writer_.RawValue(chosen.data(), chosen.size(), rapidjson::kObjectType);
  return *this;
}

JsonText& JsonText::time(std::string_view name, const std::optional<WallTime>& value) {
  key(name);
  return value ? time(*value) : null();
}

JsonText& JsonText::maybe(std::string_view name, const std::optional<std::string>& value) {
  key(name);
  return value ? text(*value) : null();
}

JsonText& JsonText::word(std::string_view name, std::string_view value) {
  key(name);
  return value.empty() ? null() : text(value);
}

}  // namespace mjwatchd::control

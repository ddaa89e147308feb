#include "daemon/control/json_text.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cmath>

#include "daemon/webhooks/body.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::control {
namespace {

bool is_json(std::string_view text) {
  rapidjson::MemoryStream in(text.data(), text.size());
  rapidjson::BaseReaderHandler<> ignore;
  rapidjson::Reader reader;
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
  return !reader.Parse<kFlags>(in, ignore).IsError();
}

}  // namespace

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

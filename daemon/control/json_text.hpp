// JSON as the control API writes it: a thin writer that never makes text that is no JSON.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mjwatchd/time.hpp"

namespace mjwatchd::control {

/// Builds one value. Texts may hold anything: bytes that are no UTF-8 become U+FFFD.
class JsonText {
 public:
  JsonText& object() {
    return raw([this] { writer_.StartObject(); });
  }
  JsonText& end_object() {
    return raw([this] { writer_.EndObject(); });
  }
  JsonText& array() {
    return raw([this] { writer_.StartArray(); });
  }
  JsonText& end_array() {
    return raw([this] { writer_.EndArray(); });
  }
  JsonText& key(std::string_view name);

  JsonText& text(std::string_view value);
  JsonText& number(std::int64_t value) {
    return raw([&] { writer_.Int64(value); });
  }
  JsonText& count(std::uint64_t value) {
    return raw([&] { writer_.Uint64(value); });
  }
  /// Rounded to three decimals; null when it is no number.
  JsonText& real(double value);
  JsonText& truth(bool value) {
    return raw([&] { writer_.Bool(value); });
  }
  JsonText& null() {
    return raw([this] { writer_.Null(); });
  }
  JsonText& time(WallTime value);
  /// `json` as it is, or `otherwise` when it is no JSON.
  JsonText& json(std::string_view json, std::string_view otherwise = "null");

  // Members of the object at hand.
  JsonText& text(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonText& count(std::string_view name, std::uint64_t value) { return key(name).count(value); }
  JsonText& number(std::string_view name, std::int64_t value) { return key(name).number(value); }
  JsonText& real(std::string_view name, double value) { return key(name).real(value); }
  JsonText& truth(std::string_view name, bool value) { return key(name).truth(value); }
  JsonText& time(std::string_view name, WallTime value) { return key(name).time(value); }
  JsonText& time(std::string_view name, const std::optional<WallTime>& value);
  /// Null when there is nothing.
  JsonText& maybe(std::string_view name, const std::optional<std::string>& value);
  /// Null when it is empty.
  JsonText& word(std::string_view name, std::string_view value);

  [[nodiscard]] std::string take() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  template <typename Write>
  JsonText& raw(const Write& write) {
    write();
    return *this;
  }

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace mjwatchd::control

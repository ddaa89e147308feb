#include "daemon/control/json.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <numeric>

#include "daemon/control/json_text.hpp"
#include "daemon/control/problem.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::control {
namespace {

using Size = rapidjson::SizeType;
using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

/// Builds the tree. A callback that answers false ends the reading; `wrong` then says why.
class Builder {
 public:
  bool Null() { return put({}); }
  bool Bool(bool value) {
    Json json;
    json.kind = Json::Kind::truth;
    json.truth = value;
    return put(std::move(json));
  }
  bool RawNumber(const char* text, Size size, bool) { return put(of_text(Json::Kind::number, text, size)); }
  bool String(const char* text, Size size, bool) {
    return whole(text, size) && put(of_text(Json::Kind::text, text, size));
  }
  bool StartObject() { return open(Json::Kind::object); }
  bool StartArray() { return open(Json::Kind::array); }
  bool Key(const char* text, Size size, bool) {
    if (!whole(text, size)) return false;
    stack_.back().keys.emplace_back(text, size);
    return true;
  }
  bool EndObject(Size) { return unique_keys() && close(); }
  bool EndArray(Size) { return close(); }
  // Numbers come raw; these belong to the interface.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  Json root;
  std::string wrong;

 private:
  static Json of_text(Json::Kind kind, const char* text, Size size) {
    Json json;
    json.kind = kind;
    json.text.assign(text, size);
    return json;
  }
  bool put(Json json) {
    if (stack_.empty()) {
      root = std::move(json);
    } else {
      stack_.back().values.push_back(std::move(json));
    }
    return true;
  }
  /// The parser takes a lone \udc00; as UTF-8 that would be no character, and no JSON when written again.
  bool whole(const char* text, Size size) {
    if (is_utf8({text, size})) return true;
    wrong = "a text holds half of a surrogate pair (\\udc00 to \\udfff without the half before it)";
    return false;
  }
  bool open(Json::Kind kind) {
    if (stack_.size() == kDeepestJson) {
      wrong = "arrays and objects are nested more than " + std::to_string(kDeepestJson) + " levels deep";
      return false;
    }
    stack_.emplace_back().kind = kind;
    return true;
  }
  bool close() {
    Json done = std::move(stack_.back());
    stack_.pop_back();
    return put(std::move(done));
  }
  bool unique_keys() {
    std::vector<std::string_view> keys(stack_.back().keys.begin(), stack_.back().keys.end());
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return true;
    wrong = "the key " + in_quotes(*twice) + " stands twice in one object";
    return false;
  }

  std::vector<Json> stack_;
};

std::string position(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, std::min(offset, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto last = before.rfind('\n');
  const auto column = last == std::string_view::npos ? before.size() : before.size() - last - 1;
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(column + 1);
}

void write(const Json& value, Writer& out) {
  const auto text = [](const std::string& from) { return static_cast<Size>(from.size()); };
  switch (value.kind) {
    case Json::Kind::null:
      out.Null();
      return;
    case Json::Kind::truth:
      out.Bool(value.truth);
      return;
    case Json::Kind::number:
      out.RawValue(value.text.data(), value.text.size(), rapidjson::kNumberType);
      return;
    case Json::Kind::text:
      out.String(value.text.data(), text(value.text));
      return;
    case Json::Kind::array:
      out.StartArray();
      for (const auto& one : value.values) write(one, out);
      out.EndArray();
      return;
    case Json::Kind::object:
      break;
  }
  std::vector<std::size_t> order(value.keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return value.keys[a] < value.keys[b]; });
  out.StartObject();
  for (const auto at : order) {
    out.Key(value.keys[at].data(), text(value.keys[at]));
    write(value.values[at], out);
  }
  out.EndObject();
}

}  // namespace

const Json* Json::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return &values[i];
  }
  return nullptr;
}

std::string_view Json::described() const {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::truth:
      return truth ? "true" : "false";
    case Kind::number:
      return "a number";
    case Kind::text:
      return "a text";
    case Kind::array:
      return "an array";
    case Kind::object:
      break;
  }
  return "an object";
}

std::optional<Json> read_json(std::string_view text, std::string& wrong) {
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::MemoryStream in(text.data(), text.size());
  rapidjson::Reader reader;
  Builder builder;
  const auto result = reader.Parse<kFlags>(in, builder);
  if (!result.IsError()) {
    if (in.Tell() == text.size()) return std::move(builder.root);
    wrong = position(text, in.Tell()) + ": a NUL follows the value";  // which the parser takes for the end
    return std::nullopt;
  }
  if (result.Code() == rapidjson::kParseErrorDocumentEmpty) {
    wrong = "there is nothing but white space";
  } else {
    std::string what = builder.wrong.empty() ? rapidjson::GetParseError_En(result.Code()) : builder.wrong;
    while (what.ends_with('.')) what.pop_back();
    wrong = position(text, result.Offset()) + ": " + what;
  }
  return std::nullopt;
}

std::string canonical(const Json& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  write(value, writer);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace mjwatchd::control

#include "daemon/gateway/json.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "daemon/gateway/repair.hpp"

namespace mjwatchd::gateway {
namespace {

using rapidjson::SizeType;

/// Builds the tree from the reader's events, and stops the reader at a bound.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  explicit Builder(const JsonBounds& bounds) : bounds_(bounds) { open_.reserve(bounds.depth); }

  bool Null() { return add({}); }
  bool Bool(bool value) { return add({Json::Kind::boolean, value ? "true" : "false", {}, {}}); }
  bool RawNumber(const char* text, SizeType size, bool) { return add({Json::Kind::number, {text, size}, {}, {}}); }
  bool String(const char* text, SizeType size, bool) { return add({Json::Kind::string, {text, size}, {}, {}}); }
  bool Key(const char* text, SizeType size, bool) {
    open_.back().keys.emplace_back(text, size);
    return true;
  }
  bool StartObject() { return open(Json::Kind::object); }
  bool EndObject(SizeType) { return close(); }
  bool StartArray() { return open(Json::Kind::array); }
  bool EndArray(SizeType) { return close(); }
  bool Default() { return false; }

  [[nodiscard]] const char* refusal() const { return refusal_; }
  Json take() { return std::move(root_); }

 private:
  bool add(Json value) {
    if (++values_ > bounds_.values) {
      refusal_ = "holds too many values";
      return false;
    }
    (open_.empty() ? root_ : open_.back().items.emplace_back()) = std::move(value);
    return true;
  }

  bool open(Json::Kind kind) {
    if (open_.size() >= bounds_.depth) {
      refusal_ = "is nested too deeply";
      return false;
    }
    Json value;
    value.kind = kind;
    open_.push_back(std::move(value));
    return true;
  }

  bool close() {
    Json value = std::move(open_.back());
    open_.pop_back();
    return add(std::move(value));
  }

  const JsonBounds& bounds_;
  std::vector<Json> open_;  ///< the arrays and objects not ended yet, the innermost last
  Json root_;
  std::size_t values_ = 0;
  const char* refusal_ = nullptr;
};

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write(const Json& value, Writer& out) {
  const auto string = [&out](const std::string& text) { out.String(text.data(), static_cast<SizeType>(text.size())); };
  switch (value.kind) {
    case Json::Kind::null:
      out.Null();
      return;
    case Json::Kind::boolean:
      out.Bool(value.text == "true");
      return;
    case Json::Kind::number:
      out.RawValue(value.text.data(), value.text.size(), rapidjson::kNumberType);
      return;
    case Json::Kind::string:
      string(value.text);
      return;
    case Json::Kind::array:
      out.StartArray();
      for (const Json& item : value.items) write(item, out);
      out.EndArray();
      return;
    case Json::Kind::object:
      out.StartObject();
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        string(value.keys[i]);
        write(value.items[i], out);
      }
      out.EndObject();
      return;
  }
}

std::optional<Json> refuse(std::string* error, std::string why) {
  if (error != nullptr) *error = std::move(why);
  return std::nullopt;
}

}  // namespace

const Json* Json::find(std::string_view key) const {
  if (kind != Kind::object) return nullptr;
  for (std::size_t i = keys.size(); i-- > 0;) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

const Json* Json::find(std::initializer_list<std::string_view> spellings) const {
  const Json* there = nullptr;
  for (const auto key : spellings) {
    const Json* value = find(key);
    if (value == nullptr) continue;
    if (!value->empty()) return value;
    if (there == nullptr) there = value;
  }
  return there;
}

bool Json::empty() const {
  switch (kind) {
    case Kind::null:
      return true;
    case Kind::string:
      return text.empty();
    case Kind::array:
    case Kind::object:
      return items.empty();
    default:
      return false;
  }
}

std::optional<Json> parse_json(std::string_view text, std::string* error, const JsonBounds& bounds) {
  if (text.size() > bounds.bytes) return refuse(error, "is longer than " + std::to_string(bounds.bytes) + " bytes");
  std::string mended;
  if (!sound(text)) mended = repaired(text);
  const std::string_view clean = mended.empty() ? text : std::string_view(mended);
  // RapidJSON takes NUL for the end and would not see what follows.
  if (const auto nul = clean.find('\0'); nul != std::string::npos) {
    return refuse(error, "is no JSON: a NUL at byte " + std::to_string(nul));
  }
  Builder builder(bounds);
  rapidjson::MemoryStream stream(clean.data(), clean.size());
  rapidjson::Reader reader;
  // Iterative, or a deeply nested text would use up the stack. That it is UTF-8 was seen to above.
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (builder.refusal() != nullptr) return refuse(error, builder.refusal());
  if (result.IsError()) {
    return refuse(error, "is no JSON: " + std::string(rapidjson::GetParseError_En(result.Code())) + " At byte " +
                             std::to_string(result.Offset()) + ".");
  }
  return builder.take();
}

std::string write_json(const Json& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  write(value, writer);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace mjwatchd::gateway

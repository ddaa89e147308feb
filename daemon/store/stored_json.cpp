#include "daemon/store/stored_json.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "mjwatchd/names.hpp"

namespace mjwatchd::store {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void text(JsonWriter& json, std::string_view value) {
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void field(JsonWriter& json, const char* key, std::string_view value) {
  json.Key(key);
  text(json, value);
}

void write_image(JsonWriter& json, const SavedImage& image) {
  json.StartObject();
  field(json, "path", image.path);
  field(json, "url", image.url);
  field(json, "sha256", image.sha256);
  json.Key("bytes");
  json.Uint64(image.bytes);
  field(json, "content_type", image.content_type);
  json.Key("width");
  json.Uint(image.width);
  json.Key("height");
  json.Uint(image.height);
  json.EndObject();
}

std::string read_text(const rapidjson::Value& object, const char* key) {
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return {found->value.GetString(), found->value.GetStringLength()};
}

std::optional<std::string> maybe_text(const rapidjson::Value& object, const char* key) {
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || !found->value.IsString()) return std::nullopt;
  return read_text(object, key);
}

std::uint64_t read_number(const rapidjson::Value& object, const char* key) {
  const auto found = object.FindMember(key);
  return found != object.MemberEnd() && found->value.IsUint64() ? found->value.GetUint64() : 0;
}

SavedImage read_image(const rapidjson::Value& object) {
  SavedImage image;
  image.path = read_text(object, "path");
  image.url = read_text(object, "url");
  image.sha256 = read_text(object, "sha256");
  image.bytes = read_number(object, "bytes");
  image.content_type = read_text(object, "content_type");
  image.width = static_cast<std::uint32_t>(read_number(object, "width"));
  image.height = static_cast<std::uint32_t>(read_number(object, "height"));
  return image;
}

void write_target(JsonWriter& json, const WebhookTarget& target) {
  if (!target.endpoint.empty()) return text(json, target.endpoint);
  json.StartObject();
  field(json, "url", target.url);
  if (target.events) {
    json.Key("events");
    json.StartArray();
    for (unsigned bit = 0; bit <= static_cast<unsigned>(EventType::test); ++bit) {
      const auto type = static_cast<EventType>(bit);
      if ((*target.events & mask_of(type)) != 0) text(json, name(type));
    }
    json.EndArray();
  }
  field(json, "format", name(target.format));
  json.EndObject();
}

std::string taken(const rapidjson::StringBuffer& buffer) { return {buffer.GetString(), buffer.GetSize()}; }

}  // namespace

std::string encode_given(const std::map<std::string, std::string>& given) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  for (const auto& [key, value] : given) {
    json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    text(json, value);
  }
  json.EndObject();
  return taken(buffer);
}

std::map<std::string, std::string> decode_given(const std::string& json) {
  rapidjson::Document parsed;
  parsed.Parse(json.data(), json.size());
  std::map<std::string, std::string> given;
  if (parsed.HasParseError() || !parsed.IsObject()) return given;
  const rapidjson::Value& object = parsed;
  for (const auto& member : object.GetObject()) {
    if (!member.value.IsString()) continue;
    given.emplace(std::string(member.name.GetString(), member.name.GetStringLength()),
                  std::string(member.value.GetString(), member.value.GetStringLength()));
  }
  return given;
}

std::string encode_images(const ImageResult& images) {
  if (images.images.empty() && !images.error && !images.seed) return {};
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("images");
  json.StartArray();
  for (const SavedImage& image : images.images) write_image(json, image);
  json.EndArray();
  if (images.error) field(json, "error", *images.error);
  if (images.seed) field(json, "seed", *images.seed);
  json.EndObject();
  return taken(buffer);
}

ImageResult decode_images(const std::string& json) {
  ImageResult result;
  if (json.empty()) return result;
  rapidjson::Document parsed;
  parsed.Parse(json.data(), json.size());
  if (parsed.HasParseError() || !parsed.IsObject()) return result;
  const rapidjson::Value& object = parsed;
  const auto list = object.FindMember("images");
  if (list != object.MemberEnd() && list->value.IsArray()) {
    for (const auto& image : list->value.GetArray()) {
      if (image.IsObject()) result.images.push_back(read_image(image));
    }
  }
  result.error = maybe_text(object, "error");
  result.seed = maybe_text(object, "seed");
  return result;
}

std::string encode_receivers(const std::vector<WebhookTarget>& targets) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartArray();
  for (const WebhookTarget& target : targets) write_target(json, target);
  json.EndArray();
  return taken(buffer);
}

}  // namespace mjwatchd::store

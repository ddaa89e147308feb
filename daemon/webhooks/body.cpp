#include "daemon/webhooks/body.hpp"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <simdjson.h>

#include <chrono>
#include <stdexcept>

#include "mjwatchd/names.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::webhooks {
namespace {

class Writer : public rapidjson::Writer<rapidjson::StringBuffer> {
 public:
  using rapidjson::Writer<rapidjson::StringBuffer>::Writer;

  /// RawValue(), which copies byte by byte.
  void raw(std::string_view json) {
    Prefix(rapidjson::kObjectType);
    json.copy(os_->Push(json.size()), json.size());
    EndValue(true);
  }
};

// Error texts may quote what a server sent; a byte that is no UTF-8 would make the body no JSON.
void text(Writer& json, std::string_view value) {
  if (!simdjson::validate_utf8(value.data(), value.size())) return text(json, valid_utf8(value));
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void key(Writer& json, std::string_view name) { json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size())); }

void field(Writer& json, std::string_view name, std::string_view value) {
  key(json, name);
  text(json, value);
}

void field(Writer& json, std::string_view name, const std::optional<std::string>& value) {
  key(json, name);
  if (value) {
    text(json, *value);
  } else {
    json.Null();
  }
}

// Numbers may have more digits than simdjson counts with: what it refuses is looked at again.
bool is_json(const std::string& value) {
  static thread_local simdjson::dom::parser parser;  // keeps its memory, for texts of the usual size
  const bool plain = parser.parse(value).error() == simdjson::SUCCESS;
  if (parser.capacity() > (1U << 20)) parser = simdjson::dom::parser();
  if (plain) return true;
  rapidjson::Document parsed;
  parsed.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag |
               rapidjson::kParseValidateEncodingFlag>(value.data(), value.size());
  return !parsed.HasParseError();
}

// Stored JSON goes in byte for byte (numbers keep every digit), but only after it was seen to be
// whole: a damaged row must not make the body something else than JSON.
void raw(Writer& json, const std::string& value, const char* otherwise) {
  json.raw(is_json(value) ? std::string_view(value) : std::string_view(otherwise));
}

void image(Writer& json, const SavedImage& image) {
  json.StartObject();
  field(json, "path", std::string_view(image.path));
  field(json, "url", std::string_view(image.url));
  field(json, "sha256", std::string_view(image.sha256));
  key(json, "bytes");
  json.Uint64(image.bytes);
  field(json, "content_type", std::string_view(image.content_type));
  for (const auto& [name, pixels] : {std::pair{"width", image.width}, std::pair{"height", image.height}}) {
    key(json, name);
    if (pixels != 0) {
      json.Uint(pixels);
    } else {
      json.Null();
    }
  }
  json.EndObject();
}

void data(Writer& json, const EventFacts& facts) {
  json.StartObject();
  field(json, "id", std::string_view(facts.key.id));
  field(json, "gateway", std::string_view(facts.key.gateway));
  key(json, "sequence");
  json.Uint(facts.sequence);
  field(json, "status", name(facts.status));
  key(json, "previous_status");
  if (facts.seen_before) {
    text(json, name(facts.previous_status));
  } else {
    json.Null();
  }
  key(json, "metadata");
  raw(json, facts.metadata, "{}");
  key(json, "images");
  json.StartArray();
  for (const SavedImage& saved : facts.images.images) image(json, saved);
  json.EndArray();
  field(json, "image_error", facts.images.error);
  field(json, "seed", facts.images.seed);
  key(json, "task");
  raw(json, facts.object, "null");
  json.EndObject();
}

// A test has no task: its data is what a receiver can show to a person.
void test_data(Writer& json, const EventFacts& facts) {
  json.StartObject();
  field(json, "message", std::string_view("A test from mjwatchd. It belongs to no task."));
  field(json, "webhook_id", std::string_view(facts.webhook_id));
  json.EndObject();
}

void payload(Writer& json, const EventFacts& facts) {
  key(json, "data");
  if (facts.type == EventType::test) {
    test_data(json, facts);
  } else {
    data(json, facts);
  }
}

/// Of most bodies; else it grows.
std::size_t likely_size(const EventFacts& facts) { return facts.object.size() + facts.metadata.size() + 512; }

std::string standard_body(const EventFacts& facts) {
  rapidjson::StringBuffer buffer(nullptr, likely_size(facts));
  Writer json(buffer);
  json.StartObject();
  field(json, "type", name(facts.type));
  field(json, "timestamp", std::string_view(iso8601(facts.at)));
  payload(json, facts);
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

// CloudEvents 1.0, structured mode. A test has no gateway and no subject.
std::string cloudevents_body(const EventFacts& facts) {
  const bool test = facts.type == EventType::test;
  rapidjson::StringBuffer buffer(nullptr, likely_size(facts));
  Writer json(buffer);
  json.StartObject();
  field(json, "specversion", std::string_view("1.0"));
  field(json, "id", std::string_view(facts.webhook_id));
  field(json, "source", std::string_view(test ? "/mjwatchd" : "/mjwatchd/" + facts.key.gateway));
  field(json, "type", std::string_view("ai.mjwatchd." + std::string(name(facts.type))));
  if (!test) field(json, "subject", std::string_view(facts.key.id));
  field(json, "time", std::string_view(iso8601(facts.at)));
  field(json, "datacontenttype", std::string_view("application/json"));
  payload(json, facts);
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

// midjourney-proxy's notifyHook posts the task object and nothing else. A task that was never seen
// (expired, lost) is told by the two fields every receiver of it reads.
std::string notify_hook_body(const EventFacts& facts) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  if (!facts.object.empty()) {
    raw(json, facts.object, "{}");
  } else {
    json.StartObject();
    field(json, "id", std::string_view(facts.type == EventType::test ? "webhook.test" : facts.key.id));
    field(json, "status", name(facts.status));
    json.EndObject();
  }
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

std::string render_body(BodyFormat format, const EventFacts& facts) {
  switch (format) {
    case BodyFormat::standard:
      return standard_body(facts);
    case BodyFormat::cloudevents:
      return cloudevents_body(facts);
    case BodyFormat::notify_hook:
      return notify_hook_body(facts);
  }
  throw std::invalid_argument("no such body format");
}

std::string_view content_type(BodyFormat format) {
  return format == BodyFormat::cloudevents ? "application/cloudevents+json" : "application/json";
}

std::string iso8601(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<milliseconds> time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace mjwatchd::webhooks

#include "daemon/webhooks/body.hpp"

#include <doctest/doctest.h>
#include <rapidjson/document.h>

using namespace mjwatchd;
using namespace mjwatchd::webhooks;

namespace {

EventFacts facts() {
  EventFacts f;
  f.type = EventType::succeeded;
  f.at = WallTime(milliseconds(1795439280123));
  f.webhook_id = "evt_1";
  f.key = {"octopusx", "17"};
  f.sequence = 3;
  f.status = Status::success;
  f.previous_status = Status::in_progress;
  f.seen_before = true;
  f.metadata = R"({"order":12345678901234567890123})";
  f.images.images.push_back({"/i/17.png", "https://x/1.png", "ab", 1834211, "image/png", 2048, 0});
  f.images.error = "cut \xFF here";
  f.object = R"({"id":"17","seed":1e300,"text":"é"})";
  return f;
}

rapidjson::Document parse(const std::string& body) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag>(body.c_str());
  REQUIRE_FALSE(json.HasParseError());
  return json;
}

}  // namespace

TEST_CASE("the standard body has the documented shape, and stored JSON goes in digit for digit") {
  const std::string body = render_body(BodyFormat::standard, facts());
  CHECK(body.starts_with(R"({"type":"task.succeeded","timestamp":"2026-11-23T13:08:00.123Z","data":{"id":"17",)"));
  CHECK(body.find(R"("metadata":{"order":12345678901234567890123})") != std::string::npos);
  const auto json = parse(body);
  const auto& data = json["data"];
  CHECK(std::string(data["status"].GetString()) == "SUCCESS");
  CHECK(std::string(data["previous_status"].GetString()) == "IN_PROGRESS");
  CHECK(std::string(data["images"][rapidjson::SizeType{0}]["bytes"].GetString()) == "1834211");
  CHECK(data["images"][rapidjson::SizeType{0}]["height"].IsNull());
  CHECK(std::string(data["image_error"].GetString()) == "cut \xEF\xBF\xBD here");
  CHECK(data["seed"].IsNull());
  CHECK(std::string(data["task"]["id"].GetString()) == "17");
}

TEST_CASE("a task never seen has null where nothing is known, and damaged rows stay out") {
  EventFacts f = facts();
  f.seen_before = false;
  f.object = "";
  f.metadata = "{\"broken";
  const auto json = parse(render_body(BodyFormat::standard, f));
  CHECK(json["data"]["previous_status"].IsNull());
  CHECK(json["data"]["task"].IsNull());
  CHECK(json["data"]["metadata"].ObjectEmpty());
}

TEST_CASE("text of any script stays as it is, and each byte that is no UTF-8 becomes a mark") {
  const auto told = [](const std::string& error) {
    EventFacts f = facts();
    f.images.error = error;
    return std::string(parse(render_body(BodyFormat::standard, f))["data"]["image_error"].GetString());
  };
  const std::string mark = "\xEF\xBF\xBD";
  for (const std::string sound :
       {"\xC3\xA9", "\xE2\x82\xAC", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    CHECK(told("<" + sound + ">") == "<" + sound + ">");
  }
  // Overlong, half a pair, beyond the last character, cut short, and what never begins one.
  for (const std::string bad : {"\xC0\xAF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                "\xE2\x82", "\xF0\x9F\x98", "\x80", "\xF5"}) {
    std::string marks;
    for (std::size_t i = 0; i < bad.size(); ++i) marks += mark;
    CHECK(told("<" + bad + ">") == "<" + marks + ">");
  }
}

TEST_CASE("a CloudEvent carries the webhook's id, source, type and subject") {
  const auto json = parse(render_body(BodyFormat::cloudevents, facts()));
  CHECK(std::string(json["specversion"].GetString()) == "1.0");
  CHECK(std::string(json["id"].GetString()) == "evt_1");
  CHECK(std::string(json["source"].GetString()) == "/mjwatchd/octopusx");
  CHECK(std::string(json["type"].GetString()) == "ai.mjwatchd.task.succeeded");
  CHECK(std::string(json["subject"].GetString()) == "17");
  CHECK(std::string(json["data"]["id"].GetString()) == "17");
  CHECK(content_type(BodyFormat::cloudevents) == "application/cloudevents+json");
}

TEST_CASE("notify-hook is the gateway's object and nothing else") {
  CHECK(render_body(BodyFormat::notify_hook, facts()) == facts().object);
}

TEST_CASE("a test is JSON in every format") {
  EventFacts f;
  f.webhook_id = "evt_2";
  for (const auto format : {BodyFormat::standard, BodyFormat::cloudevents, BodyFormat::notify_hook}) {
    CHECK(parse(render_body(format, f)).IsObject());
  }
}

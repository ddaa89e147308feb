#include "daemon/control/registration.hpp"

#include <doctest/doctest.h>

#include "daemon/webhooks/receiver.hpp"
#include "mjwatchd/names.hpp"
#include "tests/control/fake_desk.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;

namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Decoding {
  asio::io_context io;
  EventHub hub;
  test::FakeDesk desk{io, hub};

  Decoded<Registration> decode(const std::string& text, const std::string& gateway = "") {
    std::string wrong;
    const auto body = read_json(text, wrong);
    REQUIRE_MESSAGE(body, wrong);
    return decode_registration(*body, "t1", gateway, desk);
  }
  Registration good(const std::string& text, const std::string& gateway = "") {
    auto decoded = decode(text, gateway);
    const auto* wrong = std::get_if<Refusal>(&decoded);
    REQUIRE_MESSAGE(wrong == nullptr, (wrong != nullptr ? wrong->text() : ""));
    return std::get<Registration>(decoded);
  }
  /// "where: what"
  std::string bad(const std::string& text, const std::string& gateway = "") {
    auto decoded = decode(text, gateway);
    const auto* wrong = std::get_if<Refusal>(&decoded);
    return wrong != nullptr ? wrong->text() : "taken";
  }
};

bool says(const std::string& text, const std::string& words) {
  const bool found = text.find(words) != std::string::npos;
  if (!found) MESSAGE("\"", text, "\" does not say \"", words, "\"");
  return found;
}

std::string url_receiver(const std::string& more) {
  return R"({"webhooks":[{"url":"https://app.example/h")" + more + "}]}";
}

}  // namespace

TEST_CASE_FIXTURE(Decoding, "an empty registration leaves everything to the configuration") {
  const auto wish = good("{}");
  CHECK(wish.key == TaskKey{"octopusx", "t1"});
  CHECK(wish.given.empty());
  CHECK_FALSE(wish.webhooks);
  CHECK_FALSE(wish.events);
  CHECK_FALSE(wish.save);
  CHECK_FALSE(wish.expire_after);
  CHECK_FALSE(wish.submitted_at);
  CHECK(wish.metadata == "{}");
}

TEST_CASE_FIXTURE(Decoding, "every key is decoded, and kept as canonical JSON for comparing") {
  const auto wish = good(R"({"gateway":"second","webhooks":["crm"],"events":["task.failed","task.succeeded"],
    "action":"imagine","submitted_at":1712158011464,"metadata":{"b":[1.0, 2],"a":"x"},"save":"all",
    "expire_after":"90m"})");
  CHECK(wish.key.gateway == "second");
  REQUIRE(wish.webhooks);
  REQUIRE(wish.webhooks->size() == 1);
  CHECK(wish.webhooks->front().endpoint == "crm");
  CHECK(wish.events == (mask_of(EventType::failed) | mask_of(EventType::succeeded)));
  CHECK(wish.action == "IMAGINE");
  CHECK(wish.submitted_at == WallTime(milliseconds(1712158011464)));
  CHECK(wish.metadata == R"({"a":"x","b":[1.0,2]})");
  CHECK(wish.save == SaveMode::all);
  CHECK(wish.expire_after == std::chrono::minutes(90));
  const std::map<std::string, std::string> given{
      {"webhooks", R"(["crm"])"},        {"events", R"(["task.failed","task.succeeded"])"}, {"action", R"("imagine")"},
      {"submitted_at", "1712158011464"}, {"metadata", R"({"a":"x","b":[1.0,2]})"},          {"save", R"("all")"},
      {"expire_after", R"("90m")"}};
  CHECK(wish.given == given);
}

TEST_CASE_FIXTURE(Decoding, "an unknown key is named, with those there are and the one that was meant") {
  CHECK(says(bad(R"({"metadta":{}})"), "\"metadta\" is not a known key"));
  CHECK(says(bad(R"({"metadta":{}})"), "did you mean metadata?"));
  CHECK(says(bad(R"({"ids":["a"]})"), "\"ids\" is not a known key"));
  CHECK(says(bad(url_receiver(R"(,"secrets":"x")")), "webhooks[0]: \"secrets\" is not a known key"));
  CHECK(says(bad(url_receiver(R"(,"secrets":"x")")), "did you mean secret?"));
}

TEST_CASE_FIXTURE(Decoding, "wrong types are refused with what is wanted") {
  CHECK(says(bad("[]"), "must be a JSON object"));
  CHECK(says(bad("null"), "must be a JSON object"));
  CHECK(says(bad(R"({"gateway":1})"), "gateway: must be a gateway's name, not a number"));
  CHECK(says(bad(R"({"webhooks":"app"})"), "webhooks: must be an array"));
  CHECK(says(bad(R"({"webhooks":[1]})"), "webhooks[0]: must be an endpoint's name"));
  CHECK(says(bad(R"({"events":{}})"), "events: must be an array"));
  CHECK(says(bad(R"({"events":[null]})"), "events[0]: must be an event type"));
  CHECK(says(bad(R"({"action":[]})"), "action: must be a word"));
  CHECK(says(bad(R"({"submitted_at":"2026"})"), "submitted_at: must be milliseconds since 1970"));
  CHECK(says(bad(R"({"save":true})"), "save: must be image, all, video or none, not true"));
  CHECK(says(bad(R"({"expire_after":30})"), "expire_after: must be a duration with its unit"));
}

TEST_CASE_FIXTURE(Decoding, "the gateway is the body's, the query's or the default one, and must be configured") {
  CHECK(good("{}", "second").key.gateway == "second");
  CHECK(good(R"({"gateway":"second"})", "second").key.gateway == "second");
  CHECK(says(bad(R"({"gateway":"octopusx"})", "second"), "differs from ?gateway="));
  CHECK(says(bad(R"({"gateway":"octopus"})"), "is no gateway of the configuration; there is octopusx or second"));
  CHECK(says(bad(R"({"gateway":"octopus"})"), "did you mean octopusx?"));
  CHECK(says(bad(R"({"gateway":""})"), "is no gateway"));
}

TEST_CASE_FIXTURE(Decoding, "webhooks replace the default list; an empty list means none") {
  const auto none = good(R"({"webhooks":[]})");
  REQUIRE(none.webhooks);
  CHECK(none.webhooks->empty());
  CHECK(none.given.at("webhooks") == "[]");
  CHECK(says(bad(R"({"webhooks":["ap"]})"), "webhooks[0]: \"ap\" is no endpoint of the configuration"));
  CHECK(says(bad(R"({"webhooks":["ap"]})"), "did you mean app?"));
  CHECK(says(bad(R"({"webhooks":["https://a.example"]})"), "a URL is given as an object"));
  CHECK(says(bad(R"({"webhooks":["app","crm","app"]})"), "webhooks[2]: names a receiver that stands in the list"));
  std::string many = R"({"webhooks":[)";
  for (int i = 0; i < 17; ++i) many += std::string(i > 0 ? "," : "") + R"("app")";
  CHECK(says(bad(many + "]}"), "webhooks: has 17 receivers"));
}

TEST_CASE_FIXTURE(Decoding, "a URL needs a secret that can sign, and its secret is kept as a digest only") {
  const auto wish = good(url_receiver(std::string(R"(,"secret":")") + kSecret + R"(","events":["task.failed"])"));
  REQUIRE(wish.webhooks);
  const auto& target = wish.webhooks->front();
  CHECK(target.url == "https://app.example/h");
  CHECK(target.secret == kSecret);
  CHECK(target.events == mask_of(EventType::failed));
  CHECK(target.format == BodyFormat::standard);
  CHECK(wish.given.at("webhooks") == R"([{"events":["task.failed"],"secret":"sha256:)" + webhooks::sha256_hex(kSecret) +
                                         R"(","url":"https://app.example/h"}])");
  CHECK(says(bad(url_receiver("")), "webhooks[0].secret: is missing"));
  CHECK(says(bad(url_receiver(R"(,"secret":7)")), "webhooks[0].secret: must be a text"));
  const auto short_one = bad(url_receiver(R"(,"secret":"whsec_c2hvcnQ=")"));
  CHECK(says(short_one, "webhooks[0].secret: "));
  CHECK(short_one.find("c2hvcnQ") == std::string::npos);
  CHECK(says(bad(url_receiver(R"(,"secret":"whpk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")")), "cannot sign"));
  CHECK(says(bad(url_receiver(R"(,"secret":")" + std::string(300, 'a') + "\"")), "longer than 256"));
}

TEST_CASE_FIXTURE(Decoding, "only notify-hook is sent without a secret") {
  const auto wish = good(url_receiver(R"(,"format":"notify-hook")"));
  CHECK(wish.webhooks->front().format == BodyFormat::notify_hook);
  CHECK(wish.webhooks->front().secret.empty());
  CHECK(says(bad(url_receiver(R"(,"format":"cloudevents")")), "secret: is missing"));
  CHECK(says(bad(url_receiver(R"(,"format":"notify_hook")")), "did you mean notify-hook?"));
}

TEST_CASE_FIXTURE(Decoding, "a URL must be https, unless its address is allowed") {
  const auto with = [&](const std::string& url) {
    return bad(R"({"webhooks":[{"format":"notify-hook","url":")" + url + R"("}]})");
  };
  CHECK(with("https://app.example/h") == "taken");
  CHECK(with("http://127.0.0.1:9000/h") == "taken");
  CHECK(says(with("http://app.example/h"), "webhooks[0].url: the URL must be https"));
  CHECK(says(with("https://10.0.0.1/h"), "webhooks.allow"));
  CHECK(says(with("ftp://app.example/"), "only https"));
  CHECK(says(with("https://u:p@app.example/"), "user info"));
  CHECK(says(with(""), "webhooks[0].url: "));
  CHECK(says(bad(R"({"webhooks":[{"secret":"x"}]})"), "webhooks[0].url: is missing"));
  CHECK(says(bad(R"({"webhooks":[{"url":5}]})"), "webhooks[0].url: must be a URL"));
}

TEST_CASE_FIXTURE(Decoding, "events are names of a task's events") {
  CHECK(says(bad(R"({"events":["task.suceeded"]})"), "events[0]: \"task.suceeded\" is not an event of a task"));
  CHECK(says(bad(R"({"events":["task.suceeded"]})"), "did you mean task.succeeded?"));
  CHECK(says(bad(R"({"events":["webhook.test"]})"), "is not an event of a task"));
  CHECK(says(bad(R"({"events":[]})"), "events: is empty"));
  CHECK(says(bad(url_receiver(R"(,"format":"notify-hook","events":["x"])")), "webhooks[0].events[0]: "));
}

TEST_CASE_FIXTURE(Decoding, "metadata is any JSON up to 16 KiB without its white space") {
  CHECK(good(R"({"metadata":null})").metadata == "null");
  CHECK(good(R"({"metadata":[1,"x"]})").metadata == R"([1,"x"])");
  CHECK(good(R"({"metadata":")" + std::string(16382, 'x') + "\"}").metadata.size() == 16384);
  CHECK(says(bad(R"({"metadata":")" + std::string(16383, 'x') + "\"}"), "metadata: is 16385 bytes"));
  CHECK(good(R"({"metadata":[)" + std::string(20000, ' ') + "]}").metadata == "[]");
}

TEST_CASE_FIXTURE(Decoding, "times and durations say their unit") {
  CHECK(says(bad(R"({"submitted_at":1712158011})"), "looks like seconds"));
  CHECK(says(bad(R"({"submitted_at":1712158011464.5})"), "whole number"));
  CHECK(says(bad(R"({"submitted_at":-5})"), "whole number"));
  CHECK(says(bad(R"({"submitted_at":99999999999999999999})"), "whole number"));
  CHECK(says(bad(R"({"submitted_at":9999999999999})"), "more than a day in the future"));
  CHECK(says(bad(R"({"expire_after":"30"})"), "expire_after: \"30\" has no unit"));
  CHECK(says(bad(R"({"expire_after":"0s"})"), "between 1s and 366d"));
  CHECK(says(bad(R"({"expire_after":"367d"})"), "between 1s and 366d"));
  CHECK(says(bad(R"({"expire_after":"5 weeks"})"), "expire_after: "));
  CHECK(bad(R"({"expire_after":")" + std::string(10000, '9') + "\"}").size() < 300);
  CHECK(says(bad(R"({"save":"images"})"), "did you mean image?"));
  CHECK(says(bad(R"({"action":"a b"})"), "action: "));
  CHECK(says(bad(R"({"action":""})"), "action: "));
}

TEST_CASE("ids are checked, and never quoted at length") {
  for (const char* id : {"1712158011464906", "a", "A.b_c:d-9", "...", "0"}) CHECK_FALSE(refuse_id(id));
  CHECK_FALSE(refuse_id(std::string(128, 'x')));
  CHECK(says(*refuse_id(""), "empty"));
  CHECK(says(*refuse_id("."), "neither . nor .."));
  CHECK(says(*refuse_id(".."), "neither . nor .."));
  CHECK(says(*refuse_id("a/b"), "\"a/b\" is no id"));
  CHECK(says(*refuse_id("a\nb"), "\"a?b\" is no id"));
  CHECK(says(*refuse_id("\xC3\xA4"), "is no id"));
  CHECK(says(*refuse_id(std::string(129, 'x')), "129 bytes long"));
  CHECK(refuse_id(std::string(10000, '/'))->size() < 200);
}

TEST_CASE_FIXTURE(Decoding, "the body may repeat the path's id, but not differ from it") {
  CHECK(good(R"({"id":"t1"})").given.empty());
  CHECK(says(bad(R"({"id":"t2"})"), "id: differs from the path's"));
  CHECK(says(bad(R"({"id":1})"), "id: differs"));
}

TEST_CASE_FIXTURE(Decoding, "a line of a stream has its id in it") {
  const auto line = [&](const std::string& text) {
    std::string wrong;
    auto decoded = decode_line(*read_json(text, wrong), "", desk);
    const auto* refusal = std::get_if<Refusal>(&decoded);
    return refusal != nullptr ? refusal->text() : std::get<Registration>(decoded).key.id;
  };
  CHECK(line(R"({"id":"x9","save":"none"})") == "x9");
  CHECK(line("{}") == "id: is missing");
  CHECK(says(line(R"({"Id":"x"})"), "did you mean id?"));
  CHECK(says(line(R"({"id":1712158011464906})"), "must be a text"));
  CHECK(says(line(R"({"id":"a/b"})"), "is no id"));
  CHECK(says(line("[]"), "must be a JSON object"));
}

TEST_CASE_FIXTURE(Decoding, "many tasks share one registration") {
  const auto many = [&](const std::string& text) {
    std::string wrong;
    return decode_many(*read_json(text, wrong), "", desk);
  };
  auto decoded = many(R"({"ids":["a","b/c"],"save":"none"})");
  REQUIRE(std::holds_alternative<ManyTasks>(decoded));
  CHECK(std::get<ManyTasks>(decoded).ids == std::vector<std::string>{"a", "b/c"});
  CHECK(std::get<ManyTasks>(decoded).common.save == SaveMode::none);
  CHECK(says(std::get<Refusal>(many("{}")).text(), "ids: is missing"));
  CHECK(says(std::get<Refusal>(many(R"({"ids":"a"})")).text(), "ids: must be an array"));
  CHECK(says(std::get<Refusal>(many(R"({"ids":["a",7]})")).text(), "ids[1]: must be a text"));
  CHECK(says(std::get<Refusal>(many(R"({"id":["a"]})")).text(), "did you mean ids?"));
}

TEST_CASE_FIXTURE(Decoding, "a receiver that is added is a name or a URL") {
  const auto receiver = [&](const std::string& text) {
    std::string wrong;
    auto decoded = decode_receiver(*read_json(text, wrong), desk);
    const auto* refusal = std::get_if<Refusal>(&decoded);
    if (refusal != nullptr) return refusal->text();
    const auto& target = std::get<WebhookTarget>(decoded);
    return target.endpoint + target.url;
  };
  CHECK(receiver(R"("app")") == "app");
  CHECK(receiver(R"({"name":"crm"})") == "crm");
  CHECK(receiver(R"({"url":"https://a.example/","format":"notify-hook"})") == "https://a.example/");
  CHECK(says(receiver(R"({"name":"cmr"})"), "name: \"cmr\" is no endpoint"));
  CHECK(says(receiver(R"({"name":"crm","url":"https://a.example/"})"), "\"url\" is not a known key"));
  CHECK(says(receiver("{}"), "url: is missing"));
  CHECK(says(receiver("[]"), "must be an endpoint's name"));
}

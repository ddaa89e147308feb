// The judging parts that open nothing: routes, ranges, times, access, texts.
#include <doctest/doctest.h>

#include "daemon/control/access.hpp"
#include "daemon/control/byte_range.hpp"
#include "daemon/control/event_hub.hpp"
#include "daemon/control/event_text.hpp"
#include "daemon/control/json_text.hpp"
#include "daemon/control/moment.hpp"
#include "daemon/control/problem.hpp"
#include "daemon/control/routes.hpp"
#include "daemon/control/views.hpp"
#include "daemon/control/which_task.hpp"
#include "tests/control/fake_desk.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;

namespace {

using Path = std::vector<std::string>;
using Kind = RangeVerdict::Kind;

constexpr std::string_view kTag = "\"abc\"";

RangeVerdict range(std::string_view text, std::uint64_t size = 100) { return judge_range({text, {}, {}}, kTag, size); }

bool is_part(const RangeVerdict& verdict, std::uint64_t offset, std::uint64_t length) {
  return verdict.kind == Kind::part && verdict.offset == offset && verdict.length == length;
}

TaskView task_of(const std::string& gateway) {
  TaskView view;
  view.record.key = {gateway, "t"};
  return view;
}

std::string chosen(std::vector<TaskView> found, const std::string& gateway = "") {
  const auto choice = choose_task(std::move(found), "t", gateway, "first");
  if (const auto* problem = std::get_if<Problem>(&choice)) return std::to_string(problem->status);
  return std::get<TaskView>(choice).record.key.gateway;
}

}  // namespace

TEST_CASE("every call of the documentation has its route") {
  CHECK(find_route("PUT", {"v1", "tasks", "x"}).call == Call::put_task);
  CHECK(find_route("POST", {"v1", "tasks"}).call == Call::add_tasks);
  CHECK(find_route("GET", {"v1", "tasks"}).call == Call::list_tasks);
  CHECK(find_route("GET", {"v1", "tasks", "x"}).call == Call::show_task);
  CHECK(find_route("HEAD", {"v1", "tasks", "x"}).call == Call::show_task);
  CHECK(find_route("DELETE", {"v1", "tasks", "x"}).call == Call::forget_task);
  CHECK(find_route("POST", {"v1", "tasks", "x", "refresh"}).call == Call::refresh_task);
  CHECK(find_route("POST", {"v1", "tasks", "x", "webhooks"}).call == Call::add_receiver);
  CHECK(find_route("GET", {"v1", "tasks", "x", "image"}).call == Call::first_image);
  CHECK(find_route("GET", {"v1", "tasks", "x", "images", "2"}).names == Path{"x", "2"});
  CHECK(find_route("GET", {"v1", "events"}).call == Call::events);
  CHECK(find_route("GET", {"v1", "deliveries"}).call == Call::list_deliveries);
  CHECK(find_route("GET", {"v1", "deliveries", "7"}).call == Call::show_delivery);
  CHECK(find_route("POST", {"v1", "deliveries", "7", "replay"}).call == Call::replay_delivery);
  CHECK(find_route("POST", {"v1", "deliveries", "replay"}).call == Call::replay_deliveries);
  CHECK(find_route("GET", {"v1", "endpoints"}).call == Call::endpoints);
  CHECK(find_route("POST", {"v1", "endpoints", "app", "test"}).call == Call::test_endpoint);
  CHECK(find_route("POST", {"v1", "endpoints", "app", "enable"}).call == Call::enable_endpoint);
  CHECK(find_route("POST", {"v1", "endpoints", "app", "disable"}).call == Call::disable_endpoint);
  CHECK(find_route("GET", {"v1", "gateways"}).call == Call::gateways);
  CHECK(find_route("GET", {"v1", "status"}).call == Call::status);
  CHECK(find_route("GET", {"healthz"}).call == Call::health);
  CHECK(find_route("GET", {"readyz"}).call == Call::ready);
}

TEST_CASE("a wrong method names the right ones, a wrong path none") {
  CHECK(find_route("PATCH", {"v1", "tasks", "x"}).allow == "PUT, GET, HEAD, DELETE");
  CHECK_FALSE(find_route("PATCH", {"v1", "tasks", "x"}).call);
  CHECK(find_route("PUT", {"v1", "tasks"}).allow == "POST, GET, HEAD");
  CHECK(find_route("GET", {"v1", "task"}).allow.empty());
  CHECK(find_route("GET", {}).allow.empty());
  CHECK(find_route("GET", {"v1", "tasks", "x", "image", ""}).allow.empty());
  CHECK(find_route("GET", Path(64, "v1")).allow.empty());
}

TEST_CASE("a range is judged as RFC 9110 says") {
  CHECK(range("").kind == Kind::whole);
  CHECK(range("").length == 100);
  CHECK(is_part(range("bytes=0-9"), 0, 10));
  CHECK(is_part(range("bytes=90-"), 90, 10));
  CHECK(is_part(range("bytes=-5"), 95, 5));
  CHECK(is_part(range("bytes=-500"), 0, 100));
  CHECK(is_part(range("bytes=99-1000000"), 99, 1));
  CHECK(is_part(range("bytes=99-99999999999999999999999"), 99, 1));
  CHECK(range("bytes=100-").kind == Kind::unsatisfiable);
  CHECK(range("bytes=99999999999999999999999-").kind == Kind::unsatisfiable);
  CHECK(range("bytes=-0").kind == Kind::unsatisfiable);
  CHECK(range("bytes=0-0", 0).kind == Kind::unsatisfiable);
  for (const char* whole :
       {"bytes=5-4", "bytes=a-b", "bytes=", "bytes=-", "bytes=1-2,4-5", "lines=1-2", "bytes 1-2", "bytes=1 - 2"}) {
    CHECK_MESSAGE(range(whole).kind == Kind::whole, whole);
  }
}

TEST_CASE("conditions go before ranges") {
  CHECK(judge_range({"bytes=0-1", {}, "\"abc\""}, kTag, 9).kind == Kind::not_modified);
  CHECK(judge_range({{}, {}, "W/\"abc\""}, kTag, 9).kind == Kind::not_modified);
  CHECK(judge_range({{}, {}, "\"x\", \"abc\""}, kTag, 9).kind == Kind::not_modified);
  CHECK(judge_range({{}, {}, "*"}, kTag, 9).kind == Kind::not_modified);
  CHECK(judge_range({{}, {}, "\"x\""}, kTag, 9).kind == Kind::whole);
  CHECK(judge_range({"bytes=0-1", "\"abc\"", {}}, kTag, 9).kind == Kind::part);
  CHECK(judge_range({"bytes=0-1", "\"old\"", {}}, kTag, 9).kind == Kind::whole);
  CHECK(judge_range({"bytes=0-1", "W/\"abc\"", {}}, kTag, 9).kind == Kind::whole);
  CHECK(judge_range({"bytes=0-1", "Mon, 23 Nov 2026 13:08:00 GMT", {}}, kTag, 9).kind == Kind::whole);
}

TEST_CASE("a moment is a time, a time ago, or milliseconds") {
  const auto now = control::test::kNow;
  const auto read = [&](const std::string& text) {
    std::string wrong;
    const auto moment = parse_moment(*read_json(text, wrong), now, wrong);
    return moment ? std::to_string(moment->time_since_epoch().count()) : "no";
  };
  CHECK(read("\"2026-11-23T13:08:00.123Z\"") == std::to_string(now.time_since_epoch().count()));
  CHECK(read("\"2026-11-23T13:08:00Z\"") == "1795439280000");
  CHECK(read("\"2026-11-23t15:08:00+02:00\"") == "1795439280000");
  CHECK(read("\"2026-11-23 07:38:00-05:30\"") == "1795439280000");
  CHECK(read("\"2026-11-23T13:08:00.5Z\"") == "1795439280500");
  CHECK(read("\"2h\"") == std::to_string(now.time_since_epoch().count() - 7200000));
  CHECK(read("1795439280123") == "1795439280123");
  for (const char* bad :
       {"\"\"", "\"2026\"", "\"2026-13-01T00:00:00Z\"", "\"2026-02-30T00:00:00Z\"", "\"2026-11-23T24:00:00Z\"",
        "\"2026-11-23T13:08:00\"", "\"2026-11-23T13:08:00Zx\"", "\"2026-11-23T13:08:00.Z\"", "\"yesterday\"", "1.5",
        "-1", "99999999999999999", "null", "{}"}) {
    CHECK_MESSAGE(read(bad) == "no", bad);
  }
}

TEST_CASE("an id means the default gateway's task, else the only one") {
  CHECK(chosen({task_of("second"), task_of("first")}) == "first");
  CHECK(chosen({task_of("second")}) == "second");
  CHECK(chosen({task_of("second"), task_of("third")}) == "409");
  CHECK(chosen({}) == "404");
  CHECK(chosen({task_of("second")}, "second") == "second");
  CHECK(chosen({}, "second") == "404");
}

TEST_CASE("TCP needs the token") {
  const TcpAccess access("s3cret", {});
  CHECK_FALSE(access.refuse("Bearer s3cret", "127.0.0.1:7780"));
  CHECK_FALSE(access.refuse("bearer   s3cret", "localhost"));
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret ", "Bearer S3CRET", "Basic s3cret", "s3cret"}) {
    const auto problem = access.refuse(wrong, "localhost");
    REQUIRE_MESSAGE(problem, wrong);
    CHECK(problem->status == 401);
    CHECK(problem->headers.front().first == "www-authenticate");
    CHECK(problem->detail.find("s3cret") == std::string::npos);
  }
}

TEST_CASE("a page whose name was made to lead to this machine is turned away") {
  const TcpAccess access("t", {});
  for (const char* host : {"127.0.0.1", "127.0.0.1:7780", "[::1]:7780", "[::1]", "LOCALHOST:1", "localhost"}) {
    CHECK_MESSAGE(!access.refuse("Bearer t", host), host);
  }
  for (const char* host :
       {"evil.example", "evil.example:7780", "localhost.evil.example", "127.0.0.1.evil.example", "", "[", "[]"}) {
    const auto problem = access.refuse("Bearer t", host);
    REQUIRE_MESSAGE(problem, host);
    CHECK(problem->status == 421);
  }
  const TcpAccess known("t", {"watch.example"});
  CHECK_FALSE(known.refuse("Bearer t", "watch.example"));
  CHECK_FALSE(known.refuse("Bearer t", "Watch.Example:7780"));
  CHECK(known.refuse("Bearer t", "evil.watch.example")->status == 421);
}

TEST_CASE("an event is three lines of a stream, or one line of JSON") {
  CommittedEvent event;
  event.no = 7;
  event.type = EventType::succeeded;
  event.body = std::make_shared<const std::string>("{\"type\":\n\"task.succeeded\"}");
  CHECK(event_text(event, StreamFormat::server_sent) ==
        "id: 7\nevent: task.succeeded\ndata: {\"type\": \"task.succeeded\"}\n\n");
  CHECK(event_text(event, StreamFormat::lines) == "{\"id\":7,\"type\": \"task.succeeded\"}\n");
  event.no = 0;
  event.type = EventType::progress;
  CHECK(event_text(event, StreamFormat::server_sent).starts_with("event: task.progress\n"));
  CHECK(event_text(event, StreamFormat::lines) == "{\"type\": \"task.succeeded\"}\n");
  event.no = 8;
  event.body = std::make_shared<const std::string>("{}");
  CHECK(event_text(event, StreamFormat::lines) == "{\"id\":8}\n");
  CHECK(format_of("text/event-stream") == StreamFormat::server_sent);
  CHECK(format_of("*/*") == StreamFormat::server_sent);
  CHECK(format_of("application/x-ndjson") == StreamFormat::lines);
}

TEST_CASE("the hub tells in order, and bears leaving and joining from inside") {
  EventHub hub;
  std::string heard;
  EventHub::Id second = 0;
  hub.join([&](const CommittedEvent&) {
    heard += "a";
    hub.leave(second);
  });
  second = hub.join([&](const CommittedEvent&) { heard += "b"; });
  EventHub::Id third = 0;
  third = hub.join([&](const CommittedEvent&) {
    heard += "c";
    hub.leave(third);
    hub.join([&](const CommittedEvent&) { heard += "d"; });
  });
  const std::vector<CommittedEvent> events(2);
  hub.publish(events);
  CHECK(heard == "aca");  // who joins meanwhile hears the next ones
  hub.publish(std::span(events).first(1));
  CHECK(heard == "acaad");
  CHECK(hub.listeners() == 2);
}

TEST_CASE("answers are JSON whatever is in them") {
  CHECK(JsonText().text("a\xFF\xC3(\n").take() == "\"a\xEF\xBF\xBD\xEF\xBF\xBD(\\n\"");
  CHECK(JsonText().json("{broken", "null").take() == "null");
  CHECK(JsonText().json("{\"a\":1e99}", "null").take() == "{\"a\":1e99}");
  CHECK(JsonText().real(0.12349).take() == "0.123");
  Problem problem{400, "\x01\"\xFF", {}, {}};
  std::string wrong;
  CHECK(read_json(respond(problem).body, wrong));
}

TEST_CASE("a shown URL has lost what may be secret") {
  CHECK(shown_url("https://user:pass@app.example:8443/a/b?token=x#y") == "https://app.example:8443/a/b");
  CHECK(shown_url("https://app.example?token=x") == "https://app.example");
  CHECK(shown_url("https://app.example/a@b") == "https://app.example/a@b");
  CHECK(shown_url("nonsense") == "");
}

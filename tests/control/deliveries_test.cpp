// Deliveries and their receivers over the socket.
#include <doctest/doctest.h>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

DeliveryView row(DeliveryNo no, DeliveryState state, const std::string& endpoint) {
  DeliveryView view;
  view.record.no = no;
  view.record.event = no * 10;
  view.record.type = EventType::succeeded;
  view.record.state = state;
  view.record.receiver.name = endpoint;
  view.record.attempts = 1;
  view.record.due = kNow;
  view.key = {"octopusx", "t" + std::to_string(no)};
  view.webhook_id = "evt_" + std::to_string(no);
  view.url = "https://user:pw@app.example/h?token=x";
  view.created_at = kNow;
  return view;
}

struct Posts {
  Posts() {
    control.on_loop([&] {
      auto& rows = control.desk.delivery_rows;
      rows.push_back(row(3, DeliveryState::dead, "app"));
      rows.push_back(row(2, DeliveryState::pending, "crm"));
      rows.push_back(row(1, DeliveryState::delivered, "app"));
      AttemptView attempt;
      attempt.number = 1;
      attempt.result.fault = SendFault::tls;
      attempt.result.detail = "bad \xFF certificate";
      attempt.result.started_at = kNow;
      attempt.result.total = milliseconds(12);
      rows.front().attempts.push_back(attempt);
      attempt.number = 2;
      attempt.result = {};
      attempt.result.http_status = 503;
      attempt.result.retry_after = milliseconds(60000);
      attempt.result.answer = "busy";
      rows.front().attempts.push_back(attempt);
    });
  }
  template <typename Kind>
  Kind last_change() {
    return control.on_loop([&] { return std::get<Kind>(control.desk.changes.back()); });
  }
  RunningControl control;
};

}  // namespace

TEST_CASE_FIXTURE(Posts, "deliveries are listed, filtered, page by page") {
  const auto all = control.get("/v1/deliveries");
  CHECK(at(all, "deliveries.0.id") == "3");
  CHECK(at(all, "deliveries.0.type") == "task.succeeded");
  CHECK(at(all, "deliveries.0.task") == "t3");
  CHECK(at(all, "deliveries.0.url") == "https://app.example/h");
  CHECK(at(all, "deliveries.0.attempts_made") == "1");
  CHECK(at(all, "deliveries.0.due") == "null");
  CHECK(at(all, "deliveries.1.due") == "2026-11-23T13:08:00.123Z");
  CHECK(at(all, "next_cursor") == "null");
  CHECK(all.body.find("token") == std::string::npos);
  CHECK(at(control.get("/v1/deliveries?state=pending"), "deliveries.0.id") == "2");
  CHECK(at(control.get("/v1/deliveries?endpoint=app&limit=1"), "next_cursor") == "3");
  CHECK(at(control.get("/v1/deliveries?endpoint=app&limit=1&cursor=3"), "deliveries.0.id") == "1");
  CHECK(at(control.get("/v1/deliveries?task=t2&gateway=octopusx"), "deliveries.0.id") == "2");
  CHECK(control.on_loop([&] { return control.desk.delivery_queries.back().gateway; }) == "octopusx");
  CHECK(is_problem(control.get("/v1/deliveries?state=lost"), 400,
                   "there is pending, delivered, held, dead or superseded"));
}

TEST_CASE_FIXTURE(Posts, "one delivery is shown with every attempt") {
  const auto reply = control.get("/v1/deliveries/3");
  CHECK(at(reply, "webhook_id") == "evt_3");
  CHECK(at(reply, "attempts.0.fault") == "tls");
  CHECK(at(reply, "attempts.0.http_status") == "null");
  CHECK(at(reply, "attempts.0.detail") == "bad \xEF\xBF\xBD certificate");
  CHECK(at(reply, "attempts.0.timings_ms.total") == "12");
  CHECK(at(reply, "attempts.1.http_status") == "503");
  CHECK(at(reply, "attempts.1.retry_after_ms") == "60000");
  CHECK(at(reply, "attempts.1.answer") == "busy");
  for (const char* id : {"4", "x", "-1", "99999999999999999999"}) {
    CHECK(is_problem(control.get(std::string("/v1/deliveries/") + id), 404, "no delivery"));
  }
}

TEST_CASE_FIXTURE(Posts, "one delivery is sent again") {
  const auto reply = control.post("/v1/deliveries/3/replay", "{}");
  CHECK(reply.status == 202);
  CHECK(at(reply, "id") == "3");
  CHECK(at(reply, "state") == "pending");
  CHECK(last_change<change::Replay>().no == 3);
  CHECK(is_problem(control.post("/v1/deliveries/9/replay"), 404, "no delivery \"9\""));
  CHECK(is_problem(control.post("/v1/deliveries/x/replay"), 404));
  CHECK(is_problem(control.post("/v1/deliveries/3/replay", R"({"a":1})"), 400, "\"a\" is not a known key"));
  CommitResult held;
  held.code = CommitResult::Code::done;
  control.desk.next_result = held;
  CHECK(is_problem(control.post("/v1/deliveries/3/replay"), 409, "stays held"));
}

TEST_CASE_FIXTURE(Posts, "all that match are sent again, what is held stays told apart") {
  const auto reply = control.post("/v1/deliveries/replay",
                                  R"({"endpoint":"app","state":"dead","since":"2h","until":"2026-11-23T13:08:00Z"})");
  CHECK(reply.status == 202);
  CHECK(at(reply, "replayed") == "1");
  CHECK(at(reply, "held") == "0");
  const auto change = last_change<change::Replay>();
  CHECK(change.endpoint == "app");
  CHECK(change.state == DeliveryState::dead);
  CHECK(change.since == kNow - std::chrono::hours(2));
  CHECK(change.until == WallTime(milliseconds(1795439280000)));
  CHECK(change.at == kNow);
  CommitResult mixed;
  mixed.code = CommitResult::Code::done;
  mixed.detail = "ask again for the rest";
  mixed.deliveries.resize(3);
  mixed.deliveries[1].state = DeliveryState::held;
  control.on_loop([&] { control.desk.next_result = mixed; });
  const auto half = control.post("/v1/deliveries/replay", R"({"state":"dead"})");
  CHECK(at(half, "replayed") == "2");
  CHECK(at(half, "held") == "1");
  CHECK(at(half, "detail") == "ask again for the rest");
}

TEST_CASE_FIXTURE(Posts, "a replay that is not understood sends nothing") {
  const auto bad = [&](const std::string& body, const std::string& words) {
    CHECK(is_problem(control.post("/v1/deliveries/replay", body), 400, words));
  };
  bad("", "name at least one of");
  bad("{}", "name at least one of");
  bad("[]", "The body must be a JSON object");
  bad(R"({"endpont":"app"})", "did you mean endpoint?");
  bad(R"({"endpoint":""})", "endpoint: is empty");
  bad(R"({"endpoint":5})", "endpoint: must be a receiver's name");
  bad(R"({"state":"pending"})", "sent without being asked for");
  bad(R"({"state":"x"})", "state: \"x\" must be");
  bad(R"({"since":"yesterday"})", "since: must be a time such as");
  bad(R"({"since":"1h","until":"2h"})", "lies after until");
  CHECK(control.on_loop([&] { return control.desk.changes.empty(); }));
}

TEST_CASE_FIXTURE(Posts, "endpoints are listed without what may be secret") {
  const auto reply = control.get("/v1/endpoints");
  CHECK(at(reply, "endpoints.0.name") == "app");
  CHECK(at(reply, "endpoints.0.url") == "https://app.example/hook");
  CHECK(at(reply, "endpoints.0.state") == "up");
  CHECK(at(reply, "endpoints.0.format") == "standard");
  CHECK(at(reply, "endpoints.0.pending") == "0");
  CHECK(at(reply, "endpoints.0.held") == "0");
  CHECK(at(reply, "endpoints.2.state") == "disabled");
  CHECK(at(reply, "endpoints.2.configured") == "false");
}

TEST_CASE_FIXTURE(Posts, "an endpoint is tested, disabled and enabled") {
  const auto tested = control.post("/v1/endpoints/app/test", "{}");
  CHECK(tested.status == 202);
  CHECK(at(tested, "delivery") == "78");
  CHECK(at(tested, "webhook_id") == "evt_1");
  CHECK(last_change<change::Test>().endpoint == "app");
  const auto disabled = control.post("/v1/endpoints/app/disable", R"({"reason":"moving house"})");
  CHECK(disabled.status == 200);
  CHECK(at(disabled, "disabled") == "true");
  CHECK(last_change<change::Receiver>().disabled);
  CHECK(last_change<change::Receiver>().reason == "moving house");
  control.post("/v1/endpoints/app/disable");
  CHECK(last_change<change::Receiver>().reason == "disabled by hand");
  CHECK(at(control.post("/v1/endpoints/app/enable"), "disabled") == "false");
  CHECK_FALSE(last_change<change::Receiver>().disabled);
  // Receivers given with a task can be switched too, but have nothing to be tested by.
  CHECK(control.post("/v1/endpoints/url:0123456789abcdef0123456789abcdef/enable").status == 200);
  CHECK(is_problem(control.post("/v1/endpoints/url:0123456789abcdef0123456789abcdef/test"), 404));
  CHECK(is_problem(control.post("/v1/endpoints/ap/enable"), 404, "there is app or crm"));
  CHECK(is_problem(control.post("/v1/endpoints/ap/enable"), 404, "did you mean app?"));
  CHECK(is_problem(control.post("/v1/endpoints/app/disable", R"({"reason":5})"), 400, "reason"));
  CHECK(is_problem(control.post("/v1/endpoints/app/enable", R"({"reason":"x"})"), 400, "has none"));
}

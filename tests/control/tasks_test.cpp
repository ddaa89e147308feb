// One task at a time, over the socket.
#include <doctest/doctest.h>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

constexpr const char* kUrlReceiver =
    R"({"url":"https://app.example/h?key=hush","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})";

CommitResult answer(CommitResult::Code code, const std::string& detail = "") {
  CommitResult result;
  result.code = code;
  result.detail = detail;
  return result;
}

/// Puts an ended task with one picture entry and a gateway object into the daemon.
void add_ended(RunningControl& control, const TaskKey& key) {
  control.on_loop([&] {
    auto& view = control.desk.add(key);
    view.ending = Ending::succeeded;
    view.record.phase = Phase::done;
    view.record.status = Status::success;
    view.record.progress = 100;
    view.ended_at = kNow;
    view.images.images.push_back({"/p/x.png", "https://cdn.example/x.png", "ab12", 10, "image/png", 4, 2});
    view.images.seed = "99";
    view.object = R"({"id":"x","bigNumber":12345678901234567890123})";
  });
}

}  // namespace

TEST_CASE("a new task is 201 with its place and view, the same again 200, another wish 409") {
  RunningControl control;
  const auto first = control.put("t1", R"({"metadata":{"order":7},"action":"IMAGINE"})");
  CHECK(first.status == 201);
  CHECK(first.headers.at("location") == "/v1/tasks/t1?gateway=octopusx");
  CHECK(first.headers.at("content-type") == "application/json");
  CHECK(at(first, "id") == "t1");
  CHECK(at(first, "gateway") == "octopusx");
  CHECK(at(first, "phase") == "watching");
  CHECK(at(first, "ending") == "null");
  CHECK(at(first, "metadata.order") == "7");
  CHECK(at(first, "registered_at") == "2026-11-23T13:08:00.123Z");
  CHECK(at(first, "expires_at") == "2026-11-24T13:08:00.123Z");

  CHECK(control.put("t1", R"({"action":"IMAGINE","metadata":{"order":7}})").status == 200);
  CHECK(control.put("t1").status == 200);  // what is left out matches anything
  const auto other = control.put("t1", R"({"metadata":{"order":8}})");
  CHECK(is_problem(other, 409, "asked for differently: metadata differs"));
  CHECK(at(other, "id") == "t1");
  CHECK(at(other, "gateway") == "octopusx");
  CHECK(is_problem(control.put("t1", R"({"save":"none"})"), 409, "save"));
}

TEST_CASE("a task that has ended answers a registration with its result, and nothing is sent") {
  RunningControl control;
  add_ended(control, {"octopusx", "t1"});
  const auto reply = control.put("t1");
  CHECK(reply.status == 200);
  CHECK(at(reply, "ending") == "succeeded");
  CHECK(at(reply, "images.0.sha256") == "ab12");
  CHECK(at(reply, "images.0.width") == "4");
  CHECK(at(reply, "seed") == "99");
  CHECK(at(reply, "task.bigNumber") == "12345678901234567890123");
  CHECK(control.on_loop([&] { return control.desk.changes.size(); }) == 1);
}

TEST_CASE("a registration is answered only when it is committed") {
  RunningControl control;
  control.desk.hold_changes = true;
  auto client = control.begin("PUT", "/v1/tasks/t1");
  control.until([&] { return control.desk.in_flight == 1; });
  CHECK_FALSE(control.on_loop([&] { return control.desk.has({"octopusx", "t1"}); }));
  control.on_loop([&] { control.desk.release(); });
  CHECK(client->read().status == 201);
}

TEST_CASE("what the store cannot take is 507 or 500, and what nobody takes just now 503") {
  RunningControl control;
  control.desk.next_result = answer(CommitResult::Code::full);
  CHECK(is_problem(control.put("t1"), 507, "watch.store_max_size"));
  control.desk.next_result = answer(CommitResult::Code::failed, "disk I/O error");
  CHECK(is_problem(control.put("t1"), 500, "disk I/O error"));
  control.on_loop([&] { control.desk.closed_reason = "the daemon is starting"; });
  const auto closed = control.put("t1");
  CHECK(is_problem(closed, 503, "the daemon is starting"));
  CHECK(closed.headers.at("retry-after") == "1");
  CHECK(is_problem(control.call("DELETE", "/v1/tasks/t1"), 503));
  CHECK(is_problem(control.post("/v1/tasks", R"({"ids":["a"]})"), 503));
  CHECK(is_problem(control.call("POST", "/v1/tasks", R"({"id":"a"})", {"Content-Type: application/x-ndjson"}), 503));
  CHECK(control.get("/v1/tasks").status == 200);  // reading goes on
}

TEST_CASE("what is on disk only is refused while the database is away, what is in memory is shown") {
  RunningControl control;
  add_ended(control, {"octopusx", "t1"});
  control.on_loop([&] { control.desk.away_reason = "the store can't be reached: no route"; });
  for (const std::string path : {"/v1/tasks", "/v1/tasks/t1", "/v1/tasks/t1/image", "/v1/events", "/v1/deliveries"}) {
    const auto answer = control.get(path);
    CHECK_MESSAGE(is_problem(answer, 503, "no route"), path);
    CHECK(answer.headers.at("retry-after") == "1");
  }
  for (const std::string path : {"/v1/status", "/v1/gateways", "/v1/endpoints"}) CHECK(control.get(path).status == 200);
  control.on_loop([&] { control.desk.away_reason.clear(); });
  CHECK(control.get("/v1/tasks/t1").status == 200);
}

TEST_CASE("what could not be read is refused, and not said to be nothing") {
  RunningControl control;
  add_ended(control, {"octopusx", "t1"});
  REQUIRE(control.put("t2", "").status == 201);
  control.on_loop([&] { control.desk.unread = true; });
  const std::vector<std::string> paths{
      "/v1/tasks",          "/v1/tasks?q=fox", "/v1/tasks/t1",    "/v1/tasks/t1?wait=1s",
      "/v1/tasks/t1/image", "/v1/deliveries",  "/v1/deliveries/1"};
  for (const std::string& path : paths) {
    const auto answer = control.get(path);
    CHECK_MESSAGE(is_problem(answer, 503, "could not be read"), path);
    CHECK(answer.headers.at("retry-after") == "1");
  }
  CHECK(is_problem(control.put("t2", ""), 503, "could not be read"));
  CHECK(is_problem(control.call("DELETE", "/v1/tasks/t1"), 503, "could not be read"));
  control.on_loop([&] { control.desk.unread = false; });
  CHECK(control.get("/v1/tasks/t1").status == 200);
}

TEST_CASE("a refused registration says which key is wrong") {
  RunningControl control;
  const auto reply = control.put("t1", R"({"expire_after":30})");
  CHECK(is_problem(reply, 400, "expire_after: must be a duration with its unit"));
  CHECK(at(reply, "key") == "expire_after");
  CHECK(is_problem(control.put("t1", R"({"expire_aftr":1})"), 400, "did you mean expire_after?"));
  CHECK(is_problem(control.call("PUT", "/v1/tasks/t1?gateway=secnd"), 400, "did you mean second?"));
  CHECK(control.on_loop([&] { return control.desk.changes.empty(); }));
}

TEST_CASE("no answer shows a secret, or the query of a receiver's URL") {
  RunningControl control;
  const std::string body = std::string(R"({"webhooks":["app",)") + kUrlReceiver + "]}";
  for (const auto& reply :
       {control.put("t1", body), control.put("t1", body), control.get("/v1/tasks/t1"), control.get("/v1/tasks")}) {
    CHECK(reply.status / 100 == 2);
    CHECK(reply.body.find("MfKQ9r8") == std::string::npos);
    CHECK(reply.body.find("sha256:") == std::string::npos);
    CHECK(reply.body.find("hush") == std::string::npos);
  }
  CHECK(at(control.put("t2", body), "webhooks") == R"(["app",{"format":"standard","url":"https://app.example/h"}])");
  const auto change = control.on_loop([&] { return std::get<change::Register>(control.desk.changes.front()); });
  CHECK(change.registration.webhooks->at(1).url == "https://app.example/h?key=hush");
  CHECK(change.at == kNow);
}

TEST_CASE("which task: the named gateway's, the default one's, the only one, or 409") {
  RunningControl control;
  control.call("PUT", "/v1/tasks/both?gateway=second");
  CHECK(at(control.get("/v1/tasks/both"), "gateway") == "second");
  control.put("both");
  CHECK(at(control.get("/v1/tasks/both"), "gateway") == "octopusx");
  CHECK(at(control.get("/v1/tasks/both?gateway=second"), "gateway") == "second");
  CHECK(is_problem(control.get("/v1/tasks/both?gateway=third"), 404, "of the gateway \"third\""));
  control.on_loop([&] {
    control.desk.add({"second", "x"});
    control.desk.add({"gone", "x"});
  });
  const auto unclear = control.get("/v1/tasks/x");
  CHECK(is_problem(unclear, 409, "?gateway=gone or second"));
  CHECK(at(unclear, "gateways").find("\"gone\"") != std::string::npos);
  for (const char* tail : {"/refresh", "/webhooks"}) {
    CHECK(is_problem(control.post(std::string("/v1/tasks/x") + tail, R"("app")"), 409));
  }
  CHECK(is_problem(control.call("DELETE", "/v1/tasks/x"), 409));
  CHECK(is_problem(control.get("/v1/tasks/x/image"), 409));
  CHECK(is_problem(control.get("/v1/tasks/x?wait=10s"), 409));
  CHECK(is_problem(control.get("/v1/tasks/none"), 404, "\"none\" is watched"));
}

TEST_CASE("tasks are listed newest first, filtered, page by page") {
  RunningControl control;
  for (int i = 1; i <= 5; ++i) control.put("t" + std::to_string(i));
  control.on_loop([&] { control.desk.end_task({"octopusx", "t3"}, Ending::failed, Status::failure); });
  const auto first = control.get("/v1/tasks?limit=2");
  CHECK(at(first, "tasks.0.id") == "t5");
  CHECK(at(first, "tasks.1.id") == "t4");
  const auto second = control.get("/v1/tasks?limit=2&cursor=" + at(first, "next_cursor"));
  CHECK(at(second, "tasks.0.id") == "t3");
  const auto third = control.get("/v1/tasks?limit=2&cursor=" + at(second, "next_cursor"));
  CHECK(at(third, "tasks.0.id") == "t1");
  CHECK(at(third, "tasks.1") == "-");
  CHECK(at(third, "next_cursor") == "null");
  CHECK(at(control.get("/v1/tasks?status=FAILURE"), "tasks.0.id") == "t3");
  CHECK(at(control.get("/v1/tasks?active=false"), "tasks.1") == "-");
  CHECK(at(control.get("/v1/tasks?active=true&gateway=octopusx"), "tasks.3.id") == "t1");
  CHECK(at(control.get("/v1/tasks?gateway=second"), "tasks") == "[]");
}

TEST_CASE("a query that cannot be understood is refused with what can") {
  RunningControl control;
  CHECK(is_problem(control.get("/v1/tasks?status=DONE"), 400, "\"DONE\" is no status; there is UNKNOWN"));
  CHECK(is_problem(control.get("/v1/tasks?active=yes"), 400, "must be true or false"));
  CHECK(is_problem(control.get("/v1/tasks?limit=0"), 400, "from 1 to 1000"));
  CHECK(is_problem(control.get("/v1/tasks?limit=1001"), 400, "from 1 to 1000"));
  CHECK(is_problem(control.get("/v1/tasks?limit=x"), 400, "from 1 to 1000"));
  CHECK(is_problem(control.get("/v1/tasks?cursor=-1"), 400, "next_cursor"));
  CHECK(is_problem(control.get("/v1/tasks?statsu=SUCCESS"), 400, "did you mean status?"));
  CHECK(is_problem(control.get("/v1/tasks?limit=1&limit=2"), 400, "given twice"));
  CHECK(is_problem(control.get("/v1/tasks/t1?wait=30"), 400, "has no unit"));
  CHECK(is_problem(control.get("/v1/tasks/t1?wait=25h"), 400, "up to 24h"));
  CHECK(is_problem(control.get("/v1/status?x=1"), 400, "no parameter of this call"));
}

TEST_CASE("?wait answers when the task ends") {
  RunningControl control;
  control.put("t1");
  auto client = control.begin("GET", "/v1/tasks/t1?wait=60s");
  control.until([&] { return control.hub.listeners() == 1; });
  control.on_loop([&] { control.desk.announce({"octopusx", "t1"}, EventType::started); });
  control.on_loop([&] { control.desk.announce({"octopusx", "other"}, EventType::succeeded); });
  control.on_loop([&] { control.desk.end_task({"octopusx", "t1"}, Ending::cancelled, Status::cancel); });
  const auto reply = client->read();
  CHECK(reply.status == 200);
  CHECK(at(reply, "ending") == "cancelled");
  control.until([&] { return control.hub.listeners() == 0; });
}

TEST_CASE("?wait answers at once for a task that has ended, and with what there is when time is up") {
  RunningControl control;
  add_ended(control, {"octopusx", "done"});
  CHECK(at(control.get("/v1/tasks/done?wait=60s"), "ending") == "succeeded");
  control.put("t1");
  CHECK(at(control.get("/v1/tasks/t1?wait=20ms"), "ending") == "null");
  CHECK(at(control.get("/v1/tasks/t1?wait=0s"), "ending") == "null");
  CHECK(is_problem(control.get("/v1/tasks/none?wait=60s"), 404));
  control.until([&] { return control.hub.listeners() == 0; });
}

TEST_CASE("SUCCESS whose pictures are being saved is not the end") {
  RunningControl control;
  control.put("t1");
  control.on_loop([&] {
    control.desk.at({"octopusx", "t1"}).record.status = Status::success;
    control.desk.at({"octopusx", "t1"}).record.phase = Phase::saving;
  });
  CHECK(at(control.get("/v1/tasks/t1?wait=20ms"), "phase") == "saving");
  control.on_loop([&] {
    control.desk.at({"octopusx", "t1"}).record.phase = Phase::late;
    control.desk.at({"octopusx", "t1"}).ending = Ending::succeeded;
  });
  CHECK(at(control.get("/v1/tasks/t1?wait=60s"), "phase") == "late");
}

TEST_CASE("an end that is committed while ?wait reads the store is not missed") {
  RunningControl control;
  control.put("t1");
  control.desk.while_reading_tasks = [&] {
    control.desk.end_task({"octopusx", "t1"}, Ending::succeeded, Status::success);
  };
  CHECK(at(control.get("/v1/tasks/t1?wait=60s"), "ending") == "succeeded");
}

TEST_CASE("who waits for a task that is deleted is told") {
  RunningControl control;
  control.put("t1");
  auto client = control.begin("GET", "/v1/tasks/t1?wait=60s");
  control.until([&] { return control.hub.listeners() == 1; });
  CHECK(control.call("DELETE", "/v1/tasks/t1").status == 204);
  CHECK(is_problem(client->read(), 404));
}

TEST_CASE("a client that hangs up is no longer waited with") {
  RunningControl control;
  control.put("t1");
  auto client = control.begin("GET", "/v1/tasks/t1?wait=60s");
  control.until([&] { return control.hub.listeners() == 1; });
  client->close();
  control.until([&] { return control.hub.listeners() == 0; });
}

TEST_CASE("DELETE stops watching, without an event") {
  RunningControl control;
  control.put("t1");
  CHECK(control.call("DELETE", "/v1/tasks/t1").status == 204);
  CHECK(is_problem(control.get("/v1/tasks/t1"), 404));
  CHECK(is_problem(control.call("DELETE", "/v1/tasks/t1"), 404));
  control.put("t2");
  control.desk.next_result = answer(CommitResult::Code::failed, "disk full");
  CHECK(is_problem(control.call("DELETE", "/v1/tasks/t2"), 500, "disk full"));
}

TEST_CASE("refresh asks the gateway now, or tries missing pictures again") {
  RunningControl control;
  control.put("t1");
  const auto live = control.post("/v1/tasks/t1/refresh");
  CHECK(live.status == 202);
  CHECK(at(live, "asking") == "gateway");
  add_ended(control, {"octopusx", "whole"});
  CHECK(at(control.post("/v1/tasks/whole/refresh"), "asking") == "nothing");
  add_ended(control, {"octopusx", "torn"});
  control.on_loop([&] { control.desk.at({"octopusx", "torn"}).images.error = "404"; });
  CHECK(at(control.post("/v1/tasks/torn/refresh"), "asking") == "pictures");
  const auto refreshed = control.on_loop([&] { return control.desk.refreshed; });
  REQUIRE(refreshed.size() == 2);
  CHECK(refreshed[0] == std::pair{TaskKey{"octopusx", "t1"}, false});
  CHECK(refreshed[1] == std::pair{TaskKey{"octopusx", "torn"}, true});
  control.on_loop([&] { control.desk.add({"gone", "held"}); });
  CHECK(is_problem(control.post("/v1/tasks/held/refresh"), 409, "gone from the configuration"));
}

TEST_CASE("a receiver is added; if the task has ended, its final event goes to it") {
  RunningControl control;
  control.put("t1");
  const auto added = control.post("/v1/tasks/t1/webhooks", kUrlReceiver);
  CHECK(added.status == 201);
  CHECK(at(added, "added") == "true");
  CHECK(at(added, "deliveries") == "[]");
  CHECK(at(added, "endpoint").starts_with("url:"));
  add_ended(control, {"octopusx", "done"});
  CHECK(at(control.post("/v1/tasks/done/webhooks", R"("app")"), "deliveries") == "[77]");
  CHECK(is_problem(control.post("/v1/tasks/t1/webhooks", R"("nobody")"), 400, "no endpoint"));
  CHECK(is_problem(control.post("/v1/tasks/t1/webhooks", R"({"url":"http://x.example/"})"), 400, "https"));
  CHECK(is_problem(control.post("/v1/tasks/t1/webhooks"), 400, "url: is missing"));
  CHECK(is_problem(control.post("/v1/tasks/none/webhooks", R"("app")"), 404));
  control.desk.next_result = answer(CommitResult::Code::existing);
  CHECK(control.post("/v1/tasks/t1/webhooks", R"("app")").status == 200);
  control.desk.next_result = answer(CommitResult::Code::conflict, "with another secret");
  CHECK(is_problem(control.post("/v1/tasks/t1/webhooks", R"("app")"), 409, "with another secret"));
}

TEST_CASE("HEAD is GET without its body") {
  RunningControl control;
  control.put("t1");
  const auto reply = control.call("HEAD", "/v1/tasks/t1");
  CHECK(reply.status == 200);
  CHECK(std::stoi(reply.headers.at("content-length")) > 100);
}

TEST_CASE("who waits is answered when the daemon stops") {
  RunningControl control;
  control.put("t1");
  auto client = control.begin("GET", "/v1/tasks/t1?wait=60s");
  control.until([&] { return control.hub.listeners() == 1; });
  control.on_loop([&] { control.server().stop(std::chrono::milliseconds(5000)); });
  const auto reply = client->read();
  CHECK(reply.status == 200);
  CHECK(at(reply, "ending") == "null");
  control.until([&] { return control.server().connections() == 0; });
}

TEST_CASE("an answer of the daemon that comes after the server has gone is dropped") {
  RunningControl control;
  control.desk.hold_changes = true;
  auto client = control.begin("PUT", "/v1/tasks/t1");
  control.until([&] { return control.desk.in_flight == 1; });
  control.destroy();
  control.on_loop([&] { control.desk.release(); });
  CHECK(client->read_to_end().empty());
}

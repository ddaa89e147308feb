// What the daemon says of itself.
#include <doctest/doctest.h>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

TEST_CASE("a well daemon is healthy and ready") {
  RunningControl control;
  CHECK(at(control.get("/healthz"), "status") == "ok");
  CHECK(at(control.get("/readyz"), "status") == "ok");
  CHECK(control.call("HEAD", "/healthz").status == 200);
}

TEST_CASE("healthz fails for our own troubles only, readyz for all") {
  RunningControl control;
  control.on_loop([&] { control.desk.troubles = {{"gateway:octopusx", "it refuses the token", false}}; });
  CHECK(control.get("/healthz").status == 200);
  const auto ready = control.get("/readyz");
  CHECK(is_problem(ready, 503, "gateway:octopusx: it refuses the token"));
  CHECK(at(ready, "troubles.0.part") == "gateway:octopusx");
  control.on_loop([&] { control.desk.troubles.push_back({"store", "a commit hangs", true}); });
  const auto health = control.get("/healthz");
  CHECK(is_problem(health, 503, "store: a commit hangs"));
  CHECK(at(health, "troubles.1") == "-");
}

TEST_CASE("a daemon that starts or stops is healthy, but not ready") {
  RunningControl control;
  control.on_loop([&] { control.desk.ready = false; });
  CHECK(control.get("/healthz").status == 200);
  CHECK(is_problem(control.get("/readyz"), 503, "starting"));
  control.on_loop([&] {
    control.desk.ready = true;
    control.desk.stopping = true;
  });
  CHECK(control.get("/healthz").status == 200);
  CHECK(is_problem(control.get("/readyz"), 503, "stopping"));
}

TEST_CASE("a store that does not answer at all is found out") {
  RunningControl control;
  control.desk.hang = true;
  const auto reply = control.get("/healthz");  // takes five seconds
  CHECK(is_problem(reply, 503, "store: it does not answer"));
}

TEST_CASE("status tells versions, counts, clients and troubles") {
  RunningControl control;
  control.put("t1");
  control.on_loop([&] { control.desk.troubles = {{"disk", "nearly full", false}}; });
  const auto reply = control.get("/v1/status");
  CHECK(at(reply, "version") == MJWATCHD_VERSION);
  CHECK(at(reply, "uptime_s") == "90");
  CHECK(at(reply, "ready") == "true");
  CHECK(at(reply, "tasks.watching") == "1");
  CHECK(at(reply, "deliveries.pending") == "0");
  CHECK(at(reply, "clients.connections") == "1");
  CHECK(at(reply, "troubles.0.text") == "nearly full");
}

TEST_CASE("status tells who shares the watch list, and what this one holds of it; nothing of a list of its own") {
  RunningControl control;
  CHECK(control.get("/v1/status").body.find("sharing") == std::string::npos);
  store::Sharing sharing;
  sharing.members = {{7, "alpha", true, false, milliseconds(123)}, {9, "beta", false, true, milliseconds(2'123)}};
  sharing.tasks = 41;
  sharing.surely = milliseconds(1'000);
  control.on_loop([&] { control.desk.sharing = sharing; });
  const auto valid = control.get("/v1/status");
  CHECK(at(valid, "sharing.tasks") == "41");
  CHECK(at(valid, "sharing.daemons.0.number") == "7");
  CHECK(at(valid, "sharing.daemons.0.self") == "true");
  CHECK(at(valid, "sharing.daemons.1.host") == "beta");
  CHECK(at(valid, "sharing.daemons.1.newcomer") == "true");
  CHECK(at(valid, "sharing.daemons.1.heartbeat_at") == "2026-11-23T13:07:58.000Z");
  CHECK(at(valid, "sharing.lease.valid") == "true");
  CHECK(at(valid, "sharing.lease.until") == "2026-11-23T13:08:01.123Z");
  sharing.surely = milliseconds(0);
  control.on_loop([&] { control.desk.sharing = sharing; });
  const auto lapsed = control.get("/v1/status");
  CHECK(at(lapsed, "sharing.lease.valid") == "false");
  CHECK(lapsed.body.find(R"("until":null)") != std::string::npos);
}

TEST_CASE("metrics are Prometheus' text, under its own content type") {
  RunningControl control;
  const auto reply = control.get("/metrics");
  CHECK(reply.status == 200);
  CHECK(reply.headers.at("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(reply.body == "# TYPE mjwatchd_ready gauge\nmjwatchd_ready 1\n");
}

TEST_CASE("gateways tell calls, batch fill, delay, clock, budget and whether they are the default") {
  RunningControl control;
  const auto reply = control.get("/v1/gateways");
  CHECK(at(reply, "gateways.0.name") == "octopusx");
  CHECK(at(reply, "gateways.0.default") == "true");
  CHECK(at(reply, "gateways.1.default") == "false");
  CHECK(at(reply, "gateways.0.batch_fill") == "0.5");
  CHECK(at(reply, "gateways.0.clock_ahead_s") == "-1.5");
  CHECK(at(reply, "gateways.0.detection_delay.count") == "4");
  CHECK(at(reply, "gateways.0.detection_delay.mean_s") == "0.75");
  CHECK(at(reply, "gateways.0.detection_delay.p50_s") == "0.5");
  CHECK(at(reply, "gateways.0.detection_delay.p95_s") == "1.25");
  CHECK(at(reply, "gateways.0.budget.max_calls_per_minute") == "120");
  CHECK(at(reply, "gateways.0.url") == "https://octopusx.example/x");
}

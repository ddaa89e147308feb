// What Prometheus is told.
#include <doctest/doctest.h>

#include <string>

#include "daemon/metrics/readings.hpp"

using namespace mjwatchd;
using namespace mjwatchd::metrics;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  const bool found = ("\n" + text).find("\n" + line + "\n") != std::string::npos;
  if (!found) MESSAGE("no line \"", line, "\" in\n", text);
  return found;
}

Readings readings() {
  Readings out;
  GatewayReading gateway;
  gateway.view.name = "octopusx";
  gateway.view.state = "up";
  gateway.view.live = 7;
  gateway.view.noticed = 3;
  gateway.view.budget_left = 1.5;
  gateway.max_calls_per_minute = 120;
  gateway.unasked = Seconds(12.5);
  gateway.view.delay.count = 2;
  gateway.view.delay.sum_s = 150.5;
  for (std::size_t i = 3; i < gateway.view.delay.at_most.size(); ++i) gateway.view.delay.at_most[i] = 1;
  out.gateways.push_back(gateway);
  ReceiverView endpoint;
  endpoint.name = "app";
  endpoint.breaker = "open";
  endpoint.pending = 4;
  out.endpoints.push_back(endpoint);
  out.counts.watching = 7;
  out.counts.pending = 4;
  out.counts.free_bytes = 1024;
  out.pictures_free_bytes = 2048;
  out.oldest_pending_delivery = Seconds(90);
  return out;
}

}  // namespace

TEST_CASE("readings show as gauges and counters with their labels") {
  const Observations nothing;
  const auto text = exposition(nothing, readings());
  CHECK(has_line(text, "# TYPE mjwatchd_tasks gauge"));
  CHECK(has_line(text, R"(mjwatchd_tasks{state="watching"} 7)"));
  CHECK(has_line(text, R"(mjwatchd_gateway_up{gateway="octopusx"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_gateway_budget_calls{gateway="octopusx"} 1.5)"));
  CHECK(has_line(text, R"(mjwatchd_gateway_oldest_unasked_task_age_seconds{gateway="octopusx"} 12.5)"));
  CHECK(has_line(text, "# TYPE mjwatchd_gateway_ends_noticed_total counter"));
  CHECK(has_line(text, R"(mjwatchd_gateway_ends_noticed_total{gateway="octopusx"} 3)"));
  CHECK(has_line(text, R"(mjwatchd_endpoint_up{endpoint="app"} 0)"));
  CHECK(has_line(text, R"(mjwatchd_endpoint_pending_deliveries{endpoint="app"} 4)"));
  CHECK(has_line(text, "mjwatchd_oldest_pending_delivery_age_seconds 90"));
  CHECK(has_line(text, "mjwatchd_state_free_bytes 1024"));
  CHECK(has_line(text, "mjwatchd_pictures_free_bytes 2048"));
  CHECK(has_line(text, R"(mjwatchd_build_info{version=")" MJWATCHD_VERSION R"("} 1)"));
}

TEST_CASE("who shares the watch list is told where it is shared, and only there") {
  const Observations nothing;
  auto from = readings();
  CHECK(exposition(nothing, from).find("mjwatchd_list_") == std::string::npos);
  from.sharing.emplace();
  from.sharing->members = {{1, "a", true, false, {}}, {2, "b", false, false, {}}, {3, "c", false, true, {}}};
  from.sharing->tasks = 33;
  from.sharing->surely = milliseconds(11'500);
  const auto text = exposition(nothing, from);
  CHECK(has_line(text, R"(mjwatchd_list_daemons{state="full"} 2)"));
  CHECK(has_line(text, R"(mjwatchd_list_daemons{state="new"} 1)"));
  CHECK(has_line(text, "mjwatchd_list_tasks_held 33"));
  CHECK(has_line(text, "mjwatchd_list_lease_seconds 11.5"));
}

TEST_CASE("the core's detection delays are a histogram") {
  const Observations nothing;
  const auto text = exposition(nothing, readings());
  CHECK(has_line(text, "# TYPE mjwatchd_detection_delay_seconds histogram"));
  CHECK(has_line(text, R"(mjwatchd_detection_delay_seconds_bucket{gateway="octopusx",le="0.5"} 0)"));
  CHECK(has_line(text, R"(mjwatchd_detection_delay_seconds_bucket{gateway="octopusx",le="1"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_detection_delay_seconds_bucket{gateway="octopusx",le="+Inf"} 2)"));
  CHECK(has_line(text, R"(mjwatchd_detection_delay_seconds_sum{gateway="octopusx"} 150.5)"));
}

TEST_CASE("what is not known is left out, rather than told as zero") {
  auto from = readings();
  from.counts.free_bytes.reset();
  from.pictures_free_bytes.reset();
  from.gateways.clear();
  const Observations nothing;
  const auto text = exposition(nothing, from);
  CHECK(text.find("_free_bytes") == std::string::npos);
  CHECK(text.find("gateway_up") == std::string::npos);
}

TEST_CASE("healthy is about our own troubles") {
  auto from = readings();
  from.troubles = {{"gateway:octopusx", false}};
  const Observations nothing;
  CHECK(has_line(exposition(nothing, from), "mjwatchd_healthy 1"));
  from.troubles.push_back({"store", true});
  const auto text = exposition(nothing, from);
  CHECK(has_line(text, "mjwatchd_healthy 0"));
  CHECK(has_line(text, R"(mjwatchd_troubles{scope="ours"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_troubles{scope="outside"} 1)"));
}

TEST_CASE("calls are counted by verdict, and shown before the first") {
  Observations seen;
  seen.expect_gateway("g");
  CHECK(has_line(exposition(seen, {}),
                 R"(mjwatchd_gateway_calls_total{gateway="g",kind="batch",verdict="throttled"} 0)"));
  seen.asking("g", 30, 100);
  seen.answered("g", true, FetchReply::Verdict::throttled, Seconds(0.3));
  const auto text = exposition(seen, {});
  CHECK(has_line(text, R"(mjwatchd_gateway_calls_total{gateway="g",kind="batch",verdict="throttled"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_gateway_call_duration_seconds_bucket{gateway="g",le="0.25"} 0)"));
  CHECK(has_line(text, R"(mjwatchd_gateway_call_duration_seconds_bucket{gateway="g",le="0.5"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_gateway_batch_fill_ratio_sum{gateway="g"} 0.3)"));
}

TEST_CASE("attempts to deliver are counted by what came back, or why nothing did") {
  Observations seen;
  SendResult result;
  result.http_status = 204;
  result.total = milliseconds(40);
  seen.attempted("app", result);
  result.http_status = 503;
  seen.attempted("app", result);
  result.http_status = 0;
  result.fault = SendFault::timeout;
  seen.attempted("app", result);
  const auto text = exposition(seen, {});
  for (const char* what : {"2xx", "5xx", "timeout"}) {
    CHECK(
        has_line(text, R"(mjwatchd_delivery_attempts_total{endpoint="app",result=")" + std::string(what) + R"("} 1)"));
  }
  CHECK(has_line(text, R"(mjwatchd_delivery_attempt_duration_seconds_count{endpoint="app"} 3)"));
}

TEST_CASE("downloads, commits, events and lag are counted") {
  Observations seen;
  seen.downloaded("saved", 1000, Seconds(2));
  seen.downloaded("temporary", 0, Seconds(20));
  seen.committed(CommitResult::Code::full, Seconds(0.004));
  seen.announced(EventType::succeeded);
  seen.lagged(Seconds(0.2));
  const auto text = exposition(seen, {});
  CHECK(has_line(text, R"(mjwatchd_downloads_total{result="saved"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_downloads_total{result="disk"} 0)"));
  CHECK(has_line(text, "mjwatchd_download_bytes_total 1000"));
  CHECK(has_line(text, R"(mjwatchd_commits_total{result="full"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_commit_duration_seconds_bucket{le="0.005"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_events_total{type="task.succeeded"} 1)"));
  CHECK(has_line(text, R"(mjwatchd_loop_lag_seconds_bucket{le="0.1"} 0)"));
}

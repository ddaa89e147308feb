// The last day, minute by minute.
#include "daemon/page/history.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd;
using namespace mjwatchd::page;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNoon{std::chrono::seconds(1'700'000'000)};

GatewayView gateway(std::uint64_t calls, std::uint64_t failed = 0, const std::string& name = "gw") {
  GatewayView view;
  view.name = name;
  view.calls = calls;
  view.failed_calls = failed;
  return view;
}

/// Ends that were noticed after so many seconds each.
void notice(GatewayView& view, const std::vector<double>& delays) {
  for (const double delay : delays) {
    ++view.delay.count;
    view.delay.sum_s += delay;
    for (std::size_t i = 0; i < view.delay.kBounds.size(); ++i) {
      if (delay <= view.delay.kBounds[i]) ++view.delay.at_most[i];
    }
  }
}

}  // namespace

TEST_CASE("the first look is what the next is compared with") {
  History history;
  history.take(kNoon, {gateway(1000)});
  CHECK(history.gateways().empty());
  history.take(kNoon + 1min, {gateway(1012, 3)});
  const auto& minutes = history.gateways().at("gw");
  REQUIRE(minutes.size() == 1);
  CHECK(minutes[0].at == kNoon + 1min);
  CHECK(minutes[0].calls == 12);
  CHECK(minutes[0].failed_calls == 3);
  CHECK(minutes[0].ends == 0);
}

TEST_CASE("minutes that a resting daemon let go by are minutes without calls") {
  History history;
  history.take(kNoon, {gateway(0)});
  history.take(kNoon + 1min, {gateway(5)});
  history.take(kNoon + 4min + 1s, {gateway(7)});
  const auto& minutes = history.gateways().at("gw");
  REQUIRE(minutes.size() == 4);
  CHECK(minutes[1].at == kNoon + 2min);
  CHECK(minutes[1].calls == 0);
  CHECK(minutes[2].at == kNoon + 3min);
  CHECK(minutes[3].calls == 2);
}

TEST_CASE("a rest of a year leaves a day, and a clock put back leaves no gap") {
  History history;
  history.take(kNoon, {gateway(0)});
  history.take(kNoon + 1min, {gateway(5)});
  history.take(kNoon + std::chrono::hours(24 * 365), {gateway(7)});
  CHECK(history.gateways().at("gw").size() == History::kMinutes);
  CHECK(history.gateways().at("gw").back().calls == 2);
  history.take(kNoon, {gateway(8)});
  CHECK(history.gateways().at("gw").size() == History::kMinutes);
  CHECK(history.gateways().at("gw").back().at == kNoon);
}

TEST_CASE("delays are those of the minute alone") {
  History history;
  auto view = gateway(0);
  notice(view, {90, 90, 90});
  history.take(kNoon, {view});
  notice(view, {0.5, 1.5});
  history.take(kNoon + 1min, {view});
  history.take(kNoon + 2min, {view});
  const auto& minutes = history.gateways().at("gw");
  CHECK(minutes[0].ends == 2);
  CHECK(minutes[0].delay_mean_s == doctest::Approx(1.0));
  CHECK(minutes[0].delay_p95_s > 1.0);
  CHECK(minutes[0].delay_p95_s <= 2.0);
  CHECK(minutes[1].ends == 0);
}

TEST_CASE("a delay beyond every bound is told as the last bound") {
  History history;
  auto view = gateway(0);
  history.take(kNoon, {view});
  notice(view, {1000});
  history.take(kNoon + 1min, {view});
  CHECK(history.gateways().at("gw")[0].delay_p95_s == DetectionDelay::kBounds.back());
}

TEST_CASE("a day is kept, and no more") {
  History history;
  for (std::size_t i = 0; i <= History::kMinutes + 5; ++i) {
    history.take(kNoon + i * History::kStep, {gateway(i * 2)});
  }
  const auto& minutes = history.gateways().at("gw");
  CHECK(minutes.size() == History::kMinutes);
  CHECK(minutes.back().at == kNoon + (History::kMinutes + 5) * History::kStep);
  CHECK(minutes.front().calls == 2);
}

TEST_CASE("a gateway that went from the configuration is forgotten, and begins anew when it is back") {
  History history;
  history.take(kNoon, {gateway(5), gateway(5, 0, "other")});
  history.take(kNoon + 1min, {gateway(6), gateway(7, 0, "other")});
  history.take(kNoon + 2min, {gateway(6)});
  CHECK_FALSE(history.gateways().contains("other"));
  history.take(kNoon + 3min, {gateway(6), gateway(1, 0, "other")});
  history.take(kNoon + 4min, {gateway(6), gateway(4, 0, "other")});
  CHECK(history.gateways().at("other").front().calls == 3);
}

TEST_CASE("counters that begin anew count from there") {
  History history;
  history.take(kNoon, {gateway(100)});
  history.take(kNoon + 1min, {gateway(4)});
  CHECK(history.gateways().at("gw")[0].calls == 4);
}

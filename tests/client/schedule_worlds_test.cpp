// The schedule on gateways of many kinds, each unlike the recorded ones in one thing.
#include "tests/bench/schedule_worlds.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "daemon/client/simulate_world.hpp"

using namespace mjwatchd;
using namespace mjwatchd::client;
using namespace std::chrono_literals;

namespace {

double least_cost_of_intervals(const Trace& trace, const WatchTerms& terms) {
  double least = HUGE_VAL;
  for (double interval = 200; interval < 120'000; interval *= 1.15) {
    const milliseconds every(static_cast<std::int64_t>(interval));
    least = std::min(least, poll_at_interval(trace, terms.call, every).cost(terms.call_cost));
  }
  return least;
}

double least_cost_of_backing_off(const Trace& trace, const WatchTerms& terms) {
  double least = HUGE_VAL;
  for (double first = 500; first < 60'000; first *= 1.3) {
    const milliseconds wait(static_cast<std::int64_t>(first));
    least = std::min(least, poll_backing_off(trace, terms.call, wait).cost(terms.call_cost));
  }
  return least;
}

struct Expected {
  std::string kind;
  double steady;  ///< cost, in shares of the best fixed interval's: a task a second
  double lone;    ///< a task every minute
};

}  // namespace

TEST_CASE("on no kind of gateway does it cost more than the best fixed interval or back-off") {
  // Measured, with a tenth to spare. With a task a second all that is live fits one call, and without
  // progress its ends are as good as random: there is nothing to gain, and nothing may be lost.
  const std::vector<Expected> all = {
      {"recorded", 0.96, 0.70},          {"no-progress", 1.02, 0.94},  {"one-percent-steps", 0.95, 0.68},
      {"ten-percent-steps", 0.99, 0.76}, {"stalls", 0.80, 0.92},       {"slowdown", 0.82, 0.72},
      {"long-queues", 0.60, 0.74},       {"never-ending", 0.82, 0.80}, {"late-failures", 0.97, 0.78},
      {"two-speeds", 0.80, 0.70},        {"waves", 0.80, 0.72},        {"other-actions", 0.75, 0.72},
  };
  REQUIRE(all.size() == worlds::kinds().size());
  const WatchTerms terms;
  for (const Expected& one : all) {
    CAPTURE(one.kind);
    for (const bool lone : {false, true}) {
      CAPTURE(lone);
      const Trace trace = worlds::make(one.kind, {lone ? 200U : 500U, lone ? 1.0 / 60 : 1.0, false}, 7);
      const Outcome outcome = watch_trace(trace, terms);
      const auto ends = std::count_if(trace.begin(), trace.end(), [](const TraceTask& task) { return !dropped(task); });
      CHECK(outcome.delays.size() == static_cast<std::size_t>(ends));
      const double cost = outcome.cost(terms.call_cost);
      CHECK(cost / least_cost_of_intervals(trace, terms) <= (lone ? one.lone : one.steady));
      CHECK(cost < least_cost_of_backing_off(trace, terms) * 1.02);
    }
  }
}

TEST_CASE("in bursts and in crowds it is several times sooner than a fixed interval at equal calls") {
  const WatchTerms terms;
  for (const worlds::Load& load : {worlds::Load{600, 0.5, true}, worlds::Load{1500, 10, false}}) {
    CAPTURE(load.per_second);
    const Trace trace = worlds::make("recorded", load, 3);
    const Outcome ours = watch_trace(trace, terms);
    const Outcome fixed = poll_at_interval(trace, terms.call, interval_of_equal_calls(trace, terms.call, ours.calls));
    CHECK(ours.mean() < 0.5 * fixed.mean());
    CHECK(ours.percentile(0.95) < 0.7 * fixed.percentile(0.95));
  }
}

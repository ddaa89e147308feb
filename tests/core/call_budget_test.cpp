#include "daemon/core/call_budget.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

/// Calls as often as it may for `time`, from a full bucket; answers the most that fell into any minute.
std::size_t busiest_minute(std::uint32_t limit, milliseconds time, milliseconds step, unsigned daemons = 1) {
  CallBudget budget(limit, Time(0ms), daemons);
  std::deque<Time> calls;
  std::size_t most = 0;
  for (Time now(0ms); now < Time(time); now += step) {
    budget.refill(now);
    while (budget.ready_at() <= now) {
      budget.spend(now);
      calls.push_back(now);
    }
    while (!calls.empty() && now - calls.front() >= 60s) calls.pop_front();
    most = std::max(most, calls.size());
  }
  return most;
}

}  // namespace

TEST_CASE("whichever minute one looks at, no more than the limit fall into it, and nearly so many can") {
  for (const std::uint32_t limit : {1U, 2U, 7U, 20U, 119U, 120U, 1000U}) {
    CAPTURE(limit);
    const std::size_t most = busiest_minute(limit, 5min, 7ms);
    CHECK(most <= limit);
    CHECK(most + 1 >= limit);
  }
}

TEST_CASE("the calls of several daemons together keep within the limit, and lose less than one a minute each") {
  for (const unsigned daemons : {2U, 3U, 10U}) {
    for (const std::uint32_t limit : {20U, 119U, 120U, 1000U}) {
      CAPTURE(daemons);
      CAPTURE(limit);
      const std::size_t most = busiest_minute(limit, 5min, 7ms, daemons);
      CHECK(most * daemons <= limit);
      CHECK((most + 2) * daemons > limit);
    }
  }
}

TEST_CASE("daemons that have less than a call a minute each make one in as many minutes as that takes") {
  CallBudget budget(2, Time(0ms), 5);
  budget.spend(Time(0ms));
  CHECK(budget.ready_at() == Time(3min));
  budget.refill(Time(1min));
  budget.configure(2, 2);  // three have gone, and their part is ours
  CHECK(budget.ready_at() == Time(1min));
}

TEST_CASE("a daemon the others don't count on yet may make no call, and saves none up") {
  CallBudget budget(120, Time(0ms));
  budget.configure(120, 0);
  CHECK(budget.ready_at() == kNever);
  budget.refill(Time(1h));
  CHECK(budget.ready_at() == kNever);
  budget.refill(Time(2h));
  budget.configure(120, 2);
  CHECK(budget.ready_at() > Time(2h));
  CHECK(budget.ready_at() <= Time(2h + 2s));
}

TEST_CASE("the next call may be made exactly when the budget says so, not a millisecond before") {
  CallBudget budget(7, Time(0ms));
  for (int i = 0; i < 50; ++i) {
    const Time ready = budget.ready_at();
    budget.refill(ready - 1ms);
    CHECK(budget.ready_at() == ready);
    budget.spend(ready);
  }
}

TEST_CASE("a long pause fills the bucket to its burst, not beyond") {
  CallBudget budget(120, Time(0ms));
  budget.spend(Time(0ms));
  budget.refill(Time(24h * 3650));
  CHECK(budget.tokens() == doctest::Approx(6));
  CallBudget small(1, Time(0ms));
  small.spend(Time(0ms));
  CHECK(small.ready_at() == Time(60s));
}

TEST_CASE("a smaller limit takes what the larger one had saved, a larger one gives nothing at once") {
  CallBudget budget(1000, Time(0ms));
  budget.configure(20);
  CHECK(budget.tokens() == doctest::Approx(1));
  budget.spend(Time(0ms));
  budget.configure(1000);
  CHECK(budget.tokens() == doctest::Approx(0));
}

TEST_CASE("a limit of zero is taken as one") {
  CallBudget budget(0, Time(0ms));
  budget.spend(budget.ready_at());
  CHECK(budget.ready_at() == Time(60s));
}

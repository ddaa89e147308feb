#include "daemon/core/gateway_clock.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {
constexpr WallTime kStart{1'700'000'000s};
Now moment(milliseconds when) { return {Time(when), kStart + when}; }
}  // namespace

TEST_CASE("a time the gateway gives is placed on our line, though its clock is an hour ahead") {
  GatewayClock clock;
  for (int i = 0; i < 50; ++i) {
    const Now now = moment(10s * i + 250ms);
    clock.heard(kStart + 1h + 10s * i, now.steady - 500ms, now);
  }
  const Now now = moment(600s);
  const auto placed = clock.place(kStart + 1h + 580s, now);
  REQUIRE(placed);
  CHECK(*placed > Time(579s));
  CHECK(*placed < Time(581s));
}

TEST_CASE("the Dates of many replies, each cut off at a second, tell the offset far more finely than a second") {
  for (const milliseconds ahead : {3700ms, -1300ms, 1h + 1ms}) {
    CAPTURE(ahead.count());
    GatewayClock clock;
    for (int i = 0; i < 60; ++i) {
      const Now now = moment(1730ms * i);
      const WallTime theirs = now.wall - 20ms + ahead;  // half-way through a call of 40 ms
      clock.heard(std::chrono::floor<std::chrono::seconds>(theirs), now.steady - 40ms, now);
    }
    CHECK(*clock.ahead() >= ahead - 60ms);
    CHECK(*clock.ahead() <= ahead + 60ms);
  }
}

TEST_CASE("a clock that was set is followed at once, and one that drifts as it goes") {
  GatewayClock clock;
  for (int i = 0; i < 60; ++i) {
    const Now now = moment(1730ms * i);
    clock.heard(std::chrono::floor<std::chrono::seconds>(now.wall + 20s), now.steady, now);
  }
  const Now set = moment(200s);
  clock.heard(set.wall, set.steady, set);
  CHECK(*clock.ahead() < 1s);
  for (int i = 0; i < 1000; ++i) {
    const Now now = moment(200s + 17'300ms * i);
    clock.heard(std::chrono::floor<std::chrono::seconds>(now.wall + 5s + milliseconds(i * 17 / 10)), now.steady, now);
  }
  CHECK(*clock.ahead() > 6500ms);
  CHECK(*clock.ahead() < 6900ms);
}

TEST_CASE("clocks agree until a Date contradicts it, and nothing the gateway tells is in our future") {
  GatewayClock clock;
  CHECK_FALSE(clock.ahead());
  clock.heard(kStart + 9s, Time(9s), moment(10s));
  CHECK(clock.ahead() == 0ms);
  CHECK(*clock.place(kStart + 5s, moment(10s)) == Time(5s));
  CHECK(*clock.place(kStart + 5h, moment(10s)) == Time(10s));
  CHECK_FALSE(clock.place(std::nullopt, moment(10s)));
}

TEST_CASE("a Date that is days off is no clock") {
  GatewayClock clock;
  clock.heard(kStart - 48h, Time(0s), moment(0s));
  clock.heard(WallTime::max(), Time(0s), moment(0s));
  clock.heard(WallTime::min(), Time(0s), moment(0s));
  CHECK(*clock.place(kStart - 1h, moment(0s)) == Time(-1h));
}

TEST_CASE("times beyond all sense stay within a century") {
  GatewayClock clock;
  clock.heard(kStart + 3h, Time(0s), moment(0s));
  CHECK(*clock.place(WallTime::max(), moment(0s)) <= Time(0s));
  CHECK(*clock.place(WallTime::min(), moment(0s)) > Time(-24h * 36526));
}

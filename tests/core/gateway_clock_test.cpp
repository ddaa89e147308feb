#include "daemon/core/gateway_clock.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {
constexpr WallTime kStart{1'700'000'000s};
Now at(milliseconds when) { return {Time(when), kStart + when}; }
}  // namespace

TEST_CASE("a time the gateway gives is placed on our line, though its clock is an hour ahead") {
  GatewayClock clock;
  for (int i = 0; i < 50; ++i) {
    const Now now = at(10s * i + 250ms);
    clock.heard(kStart + 1h + 10s * i, now.steady - 500ms, now);
  }
  const Now now = at(600s);
  const auto placed = clock.place(kStart + 1h + 580s, now);
  REQUIRE(placed);
  CHECK(*placed > Time(579s));
  CHECK(*placed < Time(581s));
}

TEST_CASE("within two seconds the clocks are taken to agree, and nothing the gateway tells is in our future") {
  GatewayClock clock;
  clock.heard(kStart + 11s, Time(10s), at(10s));
  CHECK(*clock.place(kStart + 5s, at(10s)) == Time(5s));
  CHECK(*clock.place(kStart + 5h, at(10s)) == Time(10s));
  CHECK_FALSE(clock.place(std::nullopt, at(10s)));
}

TEST_CASE("a Date that is days off is no clock") {
  GatewayClock clock;
  clock.heard(kStart - 48h, Time(0s), at(0s));
  clock.heard(WallTime::max(), Time(0s), at(0s));
  clock.heard(WallTime::min(), Time(0s), at(0s));
  CHECK(*clock.place(kStart - 1h, at(0s)) == Time(-1h));
}

TEST_CASE("times beyond all sense stay within a century") {
  GatewayClock clock;
  clock.heard(kStart + 3h, Time(0s), at(0s));
  CHECK(*clock.place(WallTime::max(), at(0s)) <= Time(0s));
  CHECK(*clock.place(WallTime::min(), at(0s)) > Time(-24h * 36526));
}

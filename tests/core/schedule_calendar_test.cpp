#include "daemon/core/schedule_calendar.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {
/// Pushes and pops by dice beside a set that sorts for certain.
void check(std::size_t first, milliseconds spread, milliseconds ahead, std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  SlotCalendar calendar;
  std::set<std::pair<Time, TaskSlot>> sorted;
  Time now(-10s);
  TaskSlot slot = 0;
  const auto push = [&] {
    const Time when = now + milliseconds(static_cast<std::int64_t>(dice()) % (spread.count() + 1));
    calendar.push({when, slot});
    sorted.insert({when, slot++});
  };
  for (std::size_t i = 0; i < first; ++i) push();
  while (!sorted.empty()) {
    REQUIRE_FALSE(calendar.empty());
    CHECK(calendar.top().when == sorted.begin()->first);
    CHECK(calendar.top().slot == sorted.begin()->second);
    now = calendar.top().when + ahead;
    calendar.pop();
    sorted.erase(sorted.begin());
    if (slot < 2 * first && dice() % 4 != 0) push();
  }
  CHECK(calendar.empty());
}
}  // namespace

TEST_CASE("a calendar gives its slots back in the order of their times") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    SUBCASE("spread over a minute") { check(3000, 60s, 0ms, seed); }
    SUBCASE("mostly of one moment") { check(3000, 2ms, 0ms, seed); }
    SUBCASE("pushed back to a later slice") { check(500, 100ms, 5s, seed); }
    SUBCASE("a few") { check(3, 1h, 0ms, seed); }
  }
}

TEST_CASE("what comes before all others is on top, however far off those are") {
  SlotCalendar calendar;
  for (TaskSlot slot = 0; slot < 5000; ++slot) calendar.push({Time(1h), slot});
  for (TaskSlot slot = 5000; slot < 7000; ++slot) calendar.push({Time(10min) - milliseconds(slot), slot});
  CHECK(calendar.top().slot == 6999);
  calendar.push({Time(1s), 9});
  CHECK(calendar.top().slot == 9);
  for (int i = 0; i < 2001; ++i) calendar.pop();
  CHECK(calendar.top().when == Time(1h));
  CHECK(calendar.top().slot == 0);
}

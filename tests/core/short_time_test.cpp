#include "daemon/core/short_time.hpp"

#include <doctest/doctest.h>

#include "daemon/core/task_table.hpp"

using namespace mjwatchd;
using namespace std::chrono_literals;

TEST_CASE("a short time is exact for years on both sides of the origin") {
  for (const milliseconds one : {0ms, 1ms, -1ms, 255ms, 256ms, -256ms, 123'456'789'012ms, -123'456'789'012ms}) {
    CAPTURE(one.count());
    CHECK(Time(ShortTime(Time(one))) == Time(one));
    CHECK(ShortTime(Time(one)) == Time(one));
  }
}

TEST_CASE("never stays never, and what lies beyond is never too") {
  CHECK(Time(ShortTime(kNever)) == kNever);
  CHECK(Time(ShortTime(Time(24h * 366 * 100))) == kNever);
  CHECK(Time(ShortTime(Time(24h * 365 * 17))) == Time(24h * 365 * 17));
}

TEST_CASE("the beginning of time stays so, and what is only long ago is not taken for it") {
  CHECK(Time(ShortTime(Time::min())) == Time::min());
  CHECK(Time(ShortTime(Time(-24h * 366 * 100))) > Time::min());
  CHECK(Time(ShortTime(Time(-24h * 366 * 100))) < Time(-24h * 365 * 17));
}

TEST_CASE("a short time is ordered like the long one") {
  CHECK(ShortTime(Time(-5ms)) < Time(3ms));
  CHECK(ShortTime(Time(5ms)) > Time(3ms));
  CHECK(Time(5ms) >= ShortTime(Time(5ms)));
}

TEST_CASE("what may not be known is told apart from every moment") {
  MaybeTime time;
  CHECK_FALSE(time);
  time = Time(-24h * 366 * 100);
  CHECK(time);
  time.reset();
  CHECK(std::optional<Time>(time) == std::nullopt);
  MaybeProgress progress;
  CHECK(std::optional<std::uint8_t>(progress) == std::nullopt);
  progress = MaybeProgress(std::optional<std::uint8_t>(100));
  CHECK(progress == 100);
}

#include "daemon/core/schedule_forecast.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "daemon/core/schedule_memory.hpp"

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

/// Tasks of one action that a forecast is taught, one after the other.
class Teacher {
 public:
  explicit Teacher(Forecast& forecast, std::string_view action = "IMAGINE")
      : forecast_(forecast), action_(forecast.action(action)) {}

  [[nodiscard]] Course fresh() const { return {.born = clock_, .action = static_cast<std::uint8_t>(action_ & 0x7FU)}; }

  /// A task that runs so long after a second in the queue, looked at half-way and after its end; one that still
  /// shows 0 % at half-way does so to its end.
  void run(milliseconds length, std::optional<std::uint8_t> half_way = 46) {
    Course course = fresh();
    const Time start = clock_ + 1s;
    forecast_.unfinished(course, seen(start, Status::in_progress, half_way), start + length / 2);
    if (half_way == 0) forecast_.unfinished(course, seen(start, Status::in_progress, 0), start + length * 19 / 20);
    Look end = seen(start, Status::success, std::uint8_t{100});
    end.finished = start + length;
    forecast_.ended(course, end, start + length + 1s);
    clock_ += 10s;
  }
  void fail(milliseconds after) {
    Course course = fresh();
    Look end;
    end.status = Status::failure;
    end.finished = clock_ + after;
    forecast_.ended(course, end, clock_ + after + 1s);
    clock_ += 10s;
  }
  /// A task that has run so long and shows that.
  [[nodiscard]] Course running(milliseconds elapsed, std::optional<std::uint8_t> progress) {
    Course course = fresh();
    forecast_.unfinished(course, seen(clock_ + 1s, Status::in_progress, progress), clock_ + 1s + elapsed);
    return course;
  }

 private:
  static Look seen(Time start, Status status, std::optional<std::uint8_t> progress) {
    Look look;
    look.status = status;
    look.started = start;
    look.progress = progress;
    return look;
  }

  Forecast& forecast_;
  std::uint8_t action_;
  Time clock_{1h};
};

}  // namespace

TEST_CASE("a curve is the integral of what has ended, and its inverse") {
  const std::vector<float> survival = {1, 0.5F, 0.5F, 0, 0};
  const Curve curve(1, survival);
  CHECK(curve.accrued(-1) == 0);
  CHECK(curve.accrued(1) == doctest::Approx(0.25));
  CHECK(curve.accrued(2) == doctest::Approx(0.75));
  CHECK(curve.accrued(3) == doctest::Approx(1.5));
  CHECK(curve.accrued(100) == doctest::Approx(98.5));
  for (const float after : {0.3F, 1.0F, 1.7F, 2.5F, 50.0F}) {
    CHECK(curve.reaches(curve.accrued(after)) == doctest::Approx(after));
  }
  CHECK(curve.ended(0.5F) == doctest::Approx(1));
  CHECK(std::isinf(Curve().reaches(1)));
  CHECK(Curve().accrued(1e6F) == 0);
}

TEST_CASE("hazard counts what passed without an end as much as ends") {
  HazardTable table;
  const HazardTable prior(27, 1.1F);
  for (int i = 0; i < 100; ++i) {
    table.passed(0, 10);
    if (i % 4 == 0) {
      table.ended(10);
    } else {
      table.passed(10, 100);  // goes on
    }
  }
  table.derive(prior, 0.5F);
  CHECK(table.cumulative(5) < 0.05F);
  CHECK(std::exp(-table.cumulative(20)) == doctest::Approx(0.75).epsilon(0.05));
  CHECK(std::exp(-table.cumulative(99)) == doctest::Approx(0.75).epsilon(0.05));
}

TEST_CASE("four times at once are the same as each by itself") {
  HazardTable table;
  for (int i = 0; i < 30; ++i) table.ended(0.3F * static_cast<float>(i * i));
  table.derive(HazardTable(27, 1.1F), 0.5F);
  std::vector<float> times{-1, 0, 1e-4F, 0.05F, 3600, 3899, 4000, 1e6F};
  for (float time = 0.01F; time < 1e5F; time *= 1.013F) times.push_back(time);
  times.resize(times.size() / 4 * 4);
  for (std::size_t i = 0; i < times.size(); i += 4) {
    const FourFloats sums = table.cumulative(four_at(&times[i]));
    for (std::size_t j = 0; j < 4; ++j) CHECK_MESSAGE(sums[j] == table.cumulative(times[i + j]), times[i + j]);
  }
}

TEST_CASE("a cold forecast is as the recorded timings, roughly, and moves to what it sees") {
  Forecast forecast;
  Teacher lessons(forecast);
  CHECK(forecast.beliefs().empty());
  const float cold = forecast.outlook(lessons.fresh()).ended(0.5F);
  CHECK(cold > 15);
  CHECK(cold < 60);
  for (int i = 0; i < 40; ++i) lessons.run(200s + (i % 9) * 5s);
  REQUIRE(forecast.beliefs().size() == 1);
  CHECK(forecast.beliefs().front().action == "IMAGINE");
  CHECK(forecast.beliefs().front().median_s == doctest::Approx(220).epsilon(0.1));
}

TEST_CASE("an action hardly seen is taken to be like the others, one well known is not") {
  Forecast forecast;
  Teacher known(forecast, "VIDEO");
  for (int i = 0; i < 50; ++i) known.run(300s);
  Teacher unknown(forecast, "UPSCALE");
  CHECK(forecast.outlook(unknown.fresh()).ended(0.5F) > 100);
  for (int i = 0; i < 50; ++i) unknown.run(4s);
  CHECK(forecast.outlook(unknown.fresh()).ended(0.5F) < 10);
  CHECK(forecast.outlook(known.fresh()).ended(0.5F) > 250);
}

TEST_CASE("what slowed down is followed, since what was learned long ago counts less") {
  Forecast forecast;
  Teacher lessons(forecast);
  for (int i = 0; i < 1000; ++i) lessons.run(20s);
  for (int i = 0; i < 400; ++i) lessons.run(60s);
  CHECK(forecast.beliefs().front().median_s > 50);
}

TEST_CASE("progress tells how long a run will be, where it means something") {
  Forecast forecast;
  Teacher lessons(forecast);
  for (int i = 0; i < 100; ++i) lessons.run(milliseconds(20'000 + 1'000 * (i % 40)));  // half-way is at 46 %
  const float slow = forecast.outlook(lessons.running(24s, 46)).ended(0.5F);
  const float unsaid = forecast.outlook(lessons.running(24s, std::nullopt)).ended(0.5F);
  CHECK(slow == doctest::Approx(24).epsilon(0.15));
  CHECK(unsaid < slow);

  Forecast deaf;
  Teacher flat(deaf);
  for (int i = 0; i < 100; ++i) flat.run(milliseconds(20'000 + 1'000 * (i % 40)), 0);  // always says 0 %
  const float zero = deaf.outlook(flat.running(24s, 0)).ended(0.5F);
  CHECK(zero == doctest::Approx(deaf.outlook(flat.running(24s, std::nullopt)).ended(0.5F)).epsilon(0.25));
}

TEST_CASE("early failures are expected early only") {
  Forecast forecast;
  Teacher lessons(forecast);
  for (int i = 0; i < 60; ++i) {
    lessons.run(60s);
    if (i % 2 == 0) lessons.fail(2s);
  }
  const Curve fresh = forecast.outlook(lessons.fresh());
  CHECK(fresh.accrued(10) > 1.5F);  // a third is gone since the second second
  CHECK(forecast.outlook(lessons.running(10s, 15)).accrued(10) < 0.5F);
}

TEST_CASE("names of actions are bounded in number and kind, and share a number beyond") {
  Forecast forecast;
  const auto unsaid = forecast.action("");
  CHECK(forecast.action("two\nlines") == unsaid);
  CHECK(forecast.action(std::string(1000, 'x')) == unsaid);
  for (int i = 0; i < 100; ++i) CHECK(forecast.action("A" + std::to_string(i)) < 16);
  CHECK(forecast.action("A99") == unsaid);
  CHECK(forecast.action("A0") == forecast.action("A0"));
}

TEST_CASE("odd replies do no harm: times from the future, before the submission, and back and forth") {
  Forecast forecast;
  Course course{.born = Time(1h), .action = static_cast<std::uint8_t>(forecast.action("IMAGINE") & 0x7FU)};
  Look look;
  look.status = Status::in_progress;
  for (const Time started : {Time(2h), Time(0s), Time(1h + 5s), Time(1h - 1ms)}) {
    look.started = started;
    for (const int progress : {93, 15, 100, 0}) {
      look.progress = static_cast<std::uint8_t>(progress);
      forecast.unfinished(course, look, Time(1h + 10s));
      const Curve curve = forecast.outlook(course);
      CHECK(std::isfinite(curve.accrued(60)));
      CHECK(curve.accrued(60) >= 0);
      CHECK(curve.accrued(60) <= 60);
    }
  }
  look.finished = Time(10h);
  look.status = Status::success;
  forecast.ended(course, look, Time(1h));
  CHECK(std::isfinite(forecast.outlook(course).accrued(60)));
}

TEST_CASE("numbers survive as short text, zeros shorter") {
  std::vector<float> numbers(100), back(100, 7);
  numbers[0] = 1.25F;
  numbers[50] = 300;
  std::string out;
  write_numbers(out, numbers);
  CHECK(out == "100 1.25 *49 300 *49\n");
  std::istringstream in(out);
  REQUIRE(read_numbers(in, back));
  CHECK(back == numbers);
  for (const char* bad :
       {"", "99 *99", "100 *101", "100 *-1", "100 -1 *99", "100 nan *99", "100 1e9 *99", "100 *99", "100 x"}) {
    std::istringstream wrong(bad);
    CHECK_FALSE(read_numbers(wrong, back));
  }
}

TEST_CASE("numbers are kept to three digits, whatever their size") {
  const std::array<float, 10> numbers{0.005F, 0.01234F, 0.5F, 0.9996F, 1, 12.345F, 99.96F, 100.5F, 12345, 1e6F};
  std::string out;
  write_numbers(out, numbers);
  CHECK(out == "10 0.005 0.0123 0.5 1 1 12.3 100 101 12300 1000000\n");
}

#include "daemon/core/schedule_adaptive.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/core/schedule_crowd.hpp"

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

AdaptiveSchedule schedule_of(std::size_t batch, milliseconds call_cost = 2s, milliseconds max_gap = 60s) {
  GatewaySettings gateway;
  gateway.batch = batch;
  gateway.call_cost = call_cost;
  WatchSettings watch;
  watch.max_gap = max_gap;
  return {gateway, watch};
}

TaskFacts facts(std::optional<Time> submitted = std::nullopt, Status status = Status::unknown) {
  TaskFacts known;
  known.action = "IMAGINE";
  known.submitted = submitted;
  known.status = status;
  return known;
}

Look look(Time asked, Status status = Status::in_progress, std::optional<std::uint8_t> progress = {}) {
  Look seen;
  seen.asked = seen.answered = asked;
  seen.status = status;
  seen.progress = progress;
  return seen;
}

std::vector<TaskSlot> take(PollSchedule& schedule, Time now, std::size_t most = 100) {
  std::vector<TaskSlot> taken;
  schedule.take(now, most, taken);
  return taken;
}

void check(CrowdTerms terms, std::uint64_t seeds = 5) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    AdaptiveSchedule schedule = schedule_of(terms.batch, terms.call_cost, terms.max_gap);
    Crowd(schedule, terms, seed).run();
  }
}

}  // namespace

TEST_CASE("a schedule of nothing never calls") {
  AdaptiveSchedule schedule = schedule_of(10);
  CHECK(schedule.next_call() == kNever);
  CHECK(schedule.waiting() == 0);
}

TEST_CASE("what may be done already is looked at within two seconds, a fresh task later, an old one at once") {
  AdaptiveSchedule schedule = schedule_of(10);
  schedule.add(1, facts(), Time(100s));
  CHECK(schedule.next_call() <= Time(102s));
  schedule.removed(1);
  schedule.add(2, facts(Time(100s)), Time(100s));
  CHECK(schedule.next_call() > Time(105s));
  schedule.add(3, facts(Time(99s), Status::in_progress), Time(100s));  // watched before a restart
  CHECK(schedule.next_call() <= Time(102s));
  schedule.add(4, facts(Time(10s)), Time(100s));
  CHECK(schedule.next_call() <= Time(100s));
}

TEST_CASE("a task that waits for its user is asked for at max_gap, and goes on as a new one") {
  AdaptiveSchedule schedule = schedule_of(10);
  schedule.add(0, facts(Time(0s)), Time(0s));
  take(schedule, Time(8s));
  schedule.looked(0, look(Time(8s), Status::modal));
  CHECK(schedule.next_call() == Time(68s));
  take(schedule, Time(68s));
  schedule.looked(0, look(Time(68s), Status::submitted));
  CHECK(schedule.next_call() > Time(68s));
  CHECK(schedule.next_call() < Time(128s));
}

TEST_CASE("a call takes those with most to gain, a batch at most") {
  AdaptiveSchedule schedule = schedule_of(3);
  for (TaskSlot slot = 0; slot < 5; ++slot) schedule.add(slot, facts(Time(slot * 5s)), Time(slot * 5s));
  CHECK(schedule.waiting() == 5);
  CHECK(take(schedule, Time(40s)) == std::vector<TaskSlot>{0, 1, 2});
  CHECK(schedule.waiting() == 2);
  CHECK(take(schedule, Time(41s), 1) == std::vector<TaskSlot>{3});
  CHECK(take(schedule, Time(41s)) == std::vector<TaskSlot>{4});
}

TEST_CASE("a lone task is asked for when it is likely to have ended, the dearer calls are the later") {
  Time last(0s);
  for (const milliseconds cost : {500ms, 2000ms, 8000ms}) {
    AdaptiveSchedule schedule = schedule_of(50, cost);
    schedule.add(0, facts(Time(0s)), Time(0s));
    CHECK(schedule.next_call() > last);
    last = schedule.next_call();
  }
  CHECK(last < Time(60s));
}

TEST_CASE("one call for a crowd comes sooner than one for a lone task") {
  AdaptiveSchedule lone = schedule_of(50), crowd = schedule_of(50);
  lone.add(0, facts(Time(0s)), Time(0s));
  for (TaskSlot slot = 0; slot < 50; ++slot) crowd.add(slot, facts(Time(0s)), Time(0s));
  CHECK(crowd.next_call() < lone.next_call());
}

TEST_CASE("progress near its end brings the next look near, and a step that stalls lets it go again") {
  AdaptiveSchedule schedule = schedule_of(50);
  schedule.add(0, facts(Time(0s)), Time(0s));
  Time now = schedule.next_call();
  take(schedule, now);
  Look early = look(now, Status::in_progress, 15), late = look(now, Status::in_progress, 93);
  early.started = late.started = Time(1s);
  schedule.looked(0, early);
  const milliseconds long_wait = schedule.next_call() - now;
  take(schedule, now);
  schedule.looked(0, late);
  const milliseconds short_wait = schedule.next_call() - now;
  CHECK(short_wait < long_wait);
  for (int i = 0; i < 12; ++i) {
    now = schedule.next_call();
    take(schedule, now);
    late.asked = late.answered = now;
    schedule.looked(0, late);
  }
  CHECK(2 * (schedule.next_call() - now) > 3 * short_wait);
}

TEST_CASE("what a call told nothing of is as urgent as before, but not before its time") {
  AdaptiveSchedule schedule = schedule_of(10);
  schedule.add(0, facts(), Time(0s));
  const Time first = schedule.next_call();
  take(schedule, first);
  schedule.put_back(0, first);
  CHECK(schedule.next_call() == first);
  take(schedule, first);
  schedule.put_back(0, Time(90s));
  CHECK(schedule.next_call() == Time(90s));
  schedule.add(1, facts(), Time(60s));
  CHECK(take(schedule, Time(62s)) == std::vector<TaskSlot>{1});
  CHECK(take(schedule, Time(62s)).empty());
  CHECK(take(schedule, Time(90s)) == std::vector<TaskSlot>{0});
}

TEST_CASE("what somebody asks for is due at once, and goes first") {
  AdaptiveSchedule schedule = schedule_of(10);
  for (TaskSlot slot = 0; slot < 500; ++slot) schedule.add(slot, facts(Time(0s)), Time(0s));
  schedule.hasten(321, Time(1s));
  CHECK(schedule.next_call() <= Time(1s));
  CHECK(take(schedule, Time(1s), 1) == std::vector<TaskSlot>{321});
  schedule.hasten(321, Time(1s));  // it is out: its answer comes anyway
  CHECK(schedule.waiting() == 499);
}

TEST_CASE("an ended or removed task is forgotten, out or waiting, and its slot can be used again") {
  AdaptiveSchedule schedule = schedule_of(10);
  schedule.add(0, facts(), Time(0s));
  schedule.add(1, facts(), Time(0s));
  take(schedule, Time(2s), 1);
  schedule.ended(0, look(Time(2s), Status::success));
  schedule.removed(1);
  CHECK(schedule.next_call() == kNever);
  CHECK(schedule.waiting() == 0);
  schedule.add(0, facts(), Time(10s));
  CHECK(schedule.next_call() <= Time(12s));
  CHECK(take(schedule, Time(12s)) == std::vector<TaskSlot>{0});
}

TEST_CASE("a small max_gap bounds every look") {
  AdaptiveSchedule schedule = schedule_of(10, 8s, 1s);
  schedule.add(0, facts(Time(0s)), Time(0s));
  CHECK(schedule.next_call() == Time(1s));
  take(schedule, Time(1s));
  Look slow = look(Time(1s));
  slow.answered = Time(1700ms);  // the gap runs from when the call left
  schedule.looked(0, slow);
  CHECK(schedule.next_call() == Time(2s));
}

// Its age had no room in a number, so that its last look seemed to lie years back: it was asked for all the time.
TEST_CASE("a task that is years old is asked for no more often than its like") {
  AdaptiveSchedule schedule = schedule_of(10);
  const Time now(0s), once(-std::chrono::years(3));
  schedule.add(0, facts(once), now);
  Time asked = schedule.next_call();
  for (int looks = 0; looks < 5; ++looks) {
    REQUIRE(take(schedule, asked) == std::vector<TaskSlot>{0});
    Look seen = look(asked, Status::in_progress, 50);
    seen.submitted = once;
    schedule.looked(0, seen);
    CHECK(schedule.next_call() - asked > 10s);
    asked = schedule.next_call();
  }
}

TEST_CASE("a task that is watched for months is asked for no more often than before") {
  AdaptiveSchedule schedule = schedule_of(10);
  schedule.add(0, facts(Time(0s)), Time(0s));
  Time asked = schedule.next_call();
  unsigned looks = 0;
  for (; asked < Time(std::chrono::days(60)); asked = std::max(schedule.next_call(), asked + 1h)) {
    REQUIRE(take(schedule, asked) == std::vector<TaskSlot>{0});
    schedule.looked(0, look(asked, Status::in_progress, 50));
    REQUIRE(schedule.next_call() - asked > 5s);
    ++looks;
  }
  CHECK(looks > 1000);
}

TEST_CASE("nothing waits beyond max_gap, and batches hold distinct tasks, a batch at most") {
  SUBCASE("a few tasks") { check({.tasks = 3, .batch = 50}); }
  SUBCASE("some batches") { check({.tasks = 100, .batch = 10}); }
  SUBCASE("many tasks, most of them far from due") { check({.tasks = 1500, .batch = 10, .lasts = 60s}, 2); }
  SUBCASE("single fetches") { check({.tasks = 30, .batch = 1}); }
  SUBCASE("dear calls and a short gap") { check({.tasks = 200, .batch = 50, .call_cost = 1h, .max_gap = 5s}); }
  SUBCASE("a slow gateway") { check({.tasks = 100, .batch = 10, .slowest = 3s}); }
  SUBCASE("calls that fail") { check({.tasks = 100, .batch = 20, .slowest = 1s, .fails = 0.3}); }
}

TEST_CASE("when the budget binds, the oldest wait is served first") {
  check({.tasks = 400, .batch = 5, .max_gap = 10s, .calls_per_minute = 60});
  check({.tasks = 2000, .batch = 50, .max_gap = 20s, .calls_per_minute = 30});
}

TEST_CASE("no 60 seconds see more calls than the budget has") {
  for (const std::uint32_t limit : {7U, 60U, 200U}) {
    AdaptiveSchedule schedule = schedule_of(5, 1ms);
    const auto calls = Crowd(schedule, {.tasks = 300, .batch = 5, .calls_per_minute = limit}, 1).run();
    REQUIRE(calls.size() > limit);
    for (std::size_t i = 0; i + limit < calls.size(); ++i) CHECK(calls[i + limit].at - calls[i].at >= 60s);
  }
}

TEST_CASE("the same world gives the same calls") {
  const CrowdTerms terms{.tasks = 300, .batch = 20, .slowest = 500ms, .fails = 0.1};
  AdaptiveSchedule one = schedule_of(terms.batch), other = schedule_of(terms.batch);
  const auto calls = Crowd(one, terms, 3).run();
  CHECK(calls.size() > 20);
  CHECK(calls == Crowd(other, terms, 3).run());
  AdaptiveSchedule third = schedule_of(terms.batch);
  CHECK(calls != Crowd(third, terms, 4).run());
}

TEST_CASE("what was learned comes back after a restart, in a small text") {
  const CrowdTerms terms{.tasks = 200, .batch = 20};
  AdaptiveSchedule taught = schedule_of(terms.batch);
  Crowd(taught, terms, 1).run();
  const std::string learned(taught.learned());
  CHECK(learned.size() < 32'000);
  AdaptiveSchedule again = schedule_of(terms.batch);
  again.restore(learned);
  const auto before = taught.beliefs(), after = again.beliefs();
  REQUIRE(before.size() == 2);
  REQUIRE(after.size() == 2);
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(after[i].action == before[i].action);
    CHECK(after[i].median_s == doctest::Approx(before[i].median_s).epsilon(0.05));
    CHECK(after[i].p90_s == doctest::Approx(before[i].p90_s).epsilon(0.2));
  }
}

TEST_CASE("a learned state that is of another version, cut or nonsense is ignored") {
  AdaptiveSchedule taught = schedule_of(20);
  Crowd(taught, {.tasks = 50, .batch = 20}, 1).run();
  const std::string learned(taught.learned());
  std::vector<std::string> bad = {"", "schedule-0\n", "{}", "schedule-2\nIMAGINE\n-5\n",
                                  "schedule-2\nIMAGINE\n1\n130 *131\n"};
  for (std::size_t cut = 20; cut < learned.size(); cut += learned.size() / 7) {
    if (learned[cut - 1] != '\n') bad.push_back(learned.substr(0, cut));
  }
  for (const std::string& text : bad) {
    AdaptiveSchedule schedule = schedule_of(20);
    schedule.restore(text);
    CHECK(schedule.beliefs().empty());
    schedule.add(0, facts(Time(0s)), Time(0s));
    CHECK(schedule.next_call() > Time(0s));
  }
}

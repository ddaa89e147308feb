#include "daemon/core/schedule_age.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

GatewaySettings batch_of(std::size_t batch) {
  GatewaySettings settings;
  settings.batch = batch;
  return settings;
}

WatchSettings gap_of(milliseconds gap) {
  WatchSettings settings;
  settings.max_gap = gap;
  return settings;
}

TaskFacts facts(std::optional<Time> submitted = std::nullopt) {
  TaskFacts known;
  known.submitted = submitted;
  return known;
}

Look look(Time asked, Time answered, Status status = Status::in_progress) {
  Look seen;
  seen.asked = asked;
  seen.answered = answered;
  seen.status = status;
  return seen;
}

std::vector<TaskSlot> take(PollSchedule& schedule, Time now, std::size_t most = 100) {
  std::vector<TaskSlot> taken;
  schedule.take(now, most, taken);
  return taken;
}

}  // namespace

TEST_CASE("a schedule of nothing never calls") {
  AgeSchedule schedule(batch_of(10), gap_of(60s));
  CHECK(schedule.next_call() == kNever);
  CHECK(schedule.waiting() == 0);
}

TEST_CASE("a task of unknown age is looked at within two seconds, a fresh one after eight, an old one at once") {
  AgeSchedule schedule(batch_of(10), gap_of(60s));
  schedule.add(1, facts(), Time(100s));
  CHECK(schedule.next_call() == Time(102s));
  schedule.add(2, facts(Time(100s)), Time(100s));
  schedule.removed(1);
  CHECK(schedule.next_call() == Time(108s));
  schedule.add(3, facts(Time(10s)), Time(100s));
  CHECK(schedule.next_call() == Time(100s));
}

TEST_CASE("the older a task, the rarer the looks, up to max_gap from the moment the call left") {
  AgeSchedule schedule(batch_of(10), gap_of(60s));
  schedule.add(0, facts(Time(0s)), Time(0s));
  Time now = schedule.next_call();
  milliseconds last = 0ms;
  while (now < Time(1h)) {
    CHECK(take(schedule, now) == std::vector<TaskSlot>{0});
    schedule.looked(0, look(now, now + 10s));  // a slow gateway
    const milliseconds gap = schedule.next_call() - now;
    CHECK(gap >= last);
    CHECK(gap <= 60s);
    last = gap;
    now = schedule.next_call();
  }
  CHECK(last == 60s);
}

TEST_CASE("a task that waits for its user is asked for at max_gap") {
  AgeSchedule schedule(batch_of(10), gap_of(60s));
  schedule.add(0, facts(Time(0s)), Time(0s));
  take(schedule, Time(8s));
  schedule.looked(0, look(Time(8s), Time(9s), Status::modal));
  CHECK(schedule.next_call() == Time(68s));
}

TEST_CASE("a call takes those due soonest, a batch at most, and fills up with those due next") {
  AgeSchedule schedule(batch_of(3), gap_of(60s));
  for (TaskSlot slot = 0; slot < 5; ++slot) schedule.add(slot, facts(Time(slot * 1s)), Time(slot * 1s));
  CHECK(schedule.waiting() == 5);
  CHECK(take(schedule, Time(8s)) == std::vector<TaskSlot>{0, 1, 2});
  CHECK(schedule.waiting() == 2);
  CHECK(take(schedule, Time(11s), 1) == std::vector<TaskSlot>{3});
  CHECK(schedule.next_call() == Time(12s));
}

TEST_CASE("what a call told nothing of is as urgent as before, and what somebody asks for is due at once") {
  AgeSchedule schedule(batch_of(10), gap_of(60s));
  schedule.add(0, facts(), Time(0s));
  schedule.add(1, facts(), Time(1s));
  CHECK(take(schedule, Time(2s), 1) == std::vector<TaskSlot>{0});
  schedule.put_back(0, Time(2s));
  CHECK(take(schedule, Time(3s), 1) == std::vector<TaskSlot>{0});
  schedule.put_back(0, Time(30s));
  CHECK(take(schedule, Time(30s)) == std::vector<TaskSlot>{1, 0});
  schedule.looked(0, look(Time(30s), Time(30s)));
  schedule.looked(1, look(Time(30s), Time(30s)));
  schedule.hasten(1, Time(31s));
  CHECK(schedule.next_call() == Time(31s));
  CHECK(take(schedule, Time(31s), 1) == std::vector<TaskSlot>{1});
}

TEST_CASE("an ended or removed task is forgotten, out or waiting, and its slot can be used again") {
  AgeSchedule schedule(batch_of(10), gap_of(60s));
  schedule.add(0, facts(), Time(0s));
  schedule.add(1, facts(), Time(0s));
  take(schedule, Time(2s), 1);
  schedule.ended(0, look(Time(2s), Time(2s), Status::success));
  schedule.removed(1);
  CHECK(schedule.next_call() == kNever);
  CHECK(schedule.waiting() == 0);
  schedule.add(0, facts(), Time(10s));
  CHECK(schedule.next_call() == Time(12s));
  CHECK(take(schedule, Time(12s)) == std::vector<TaskSlot>{0});
}

TEST_CASE("a small max_gap bounds the first look too") {
  AgeSchedule schedule(batch_of(10), gap_of(1s));
  schedule.add(0, facts(Time(0s)), Time(0s));
  CHECK(schedule.next_call() == Time(1s));
}

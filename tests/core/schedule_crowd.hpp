// A gateway full of tasks, invented by dice, and a caller that obeys a schedule.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "daemon/core/call_budget.hpp"
#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

struct CrowdTerms {
  std::size_t tasks = 100;  ///< live at a time: one that ends is followed by another
  std::size_t batch = 10;
  milliseconds call_cost{2000};
  milliseconds max_gap = std::chrono::seconds(60);
  milliseconds slowest{0};  ///< a call takes up to so long
  std::uint32_t calls_per_minute = 1'000'000;
  double fails = 0;  ///< share of the calls that tell nothing
  milliseconds lasts = std::chrono::minutes(5);
};

/// Runs a schedule over the crowd and checks at each call what must always hold.
class Crowd {
 public:
  struct Call {
    Time at;
    std::vector<TaskSlot> slots;
    bool operator==(const Call&) const = default;
  };

  Crowd(PollSchedule& schedule, const CrowdTerms& terms, std::uint64_t seed)
      : schedule_(schedule), terms_(terms), dice_(seed), budget_(terms.calls_per_minute, Time()), tasks_(terms.tasks) {}

  std::vector<Call> run() {
    for (TaskSlot slot = 0; slot < tasks_.size(); ++slot) enter(slot);
    while (true) {
      const Time work = schedule_.next_call();
      REQUIRE(work != kNever);  // one call at a time: nobody is out now
      now_ = std::max({now_, work, budget_.ready_at()});
      if (now_ >= Time(terms_.lasts)) return calls_;
      call(work);
    }
  }

 private:
  struct Task {
    Time born, due;  ///< to be asked by then at the latest
    milliseconds queue, run;
  };

  double uniform() { return std::uniform_real_distribution<double>(0, 1)(dice_); }
  milliseconds some(double most_s) { return milliseconds(static_cast<std::int64_t>(uniform() * most_s * 1000)); }

  void enter(TaskSlot slot) {
    const bool told = uniform() < 0.9;
    const milliseconds first = std::min(told ? terms_.max_gap : milliseconds(2000), terms_.max_gap);
    tasks_[slot] = {now_, now_ + first, some(20), some(uniform() < 0.1 ? 3000 : 90)};
    TaskFacts facts;
    facts.action = uniform() < 0.5 ? "IMAGINE" : "UPSCALE";
    if (told) facts.submitted = now_;
    schedule_.add(slot, facts, now_);
  }

  void call(Time work) {
    std::vector<TaskSlot> slots;
    schedule_.take(now_, terms_.batch, slots);
    REQUIRE(!slots.empty());
    CHECK(slots.size() <= terms_.batch);
    CHECK(std::set<TaskSlot>(slots.begin(), slots.end()).size() == slots.size());
    if (now_ == work && terms_.slowest == milliseconds(0)) {  // nothing held the call up
      const auto soonest =
          std::min_element(tasks_.begin(), tasks_.end(), [](auto& a, auto& b) { return a.due < b.due; });
      CHECK(now_ <= soonest->due);
    }
    check_oldest_first(slots);
    budget_.spend(now_);
    calls_.push_back({now_, slots});
    const Time asked = now_;
    const bool fails = uniform() < terms_.fails;
    now_ += some(std::chrono::duration<double>(terms_.slowest).count());
    for (const TaskSlot slot : slots) {
      if (fails) {
        schedule_.put_back(slot, now_);
      } else {
        reply(slot, asked);
      }
    }
  }

  /// Nobody who is overdue is left out while one is taken who is less so.
  void check_oldest_first(const std::vector<TaskSlot>& slots) const {
    if (terms_.fails > 0) return;
    Time latest_taken = Time::min(), first_left = kNever;
    for (TaskSlot slot = 0; slot < tasks_.size(); ++slot) {
      const bool taken = std::find(slots.begin(), slots.end(), slot) != slots.end();
      if (taken) latest_taken = std::max(latest_taken, tasks_[slot].due);
      if (!taken) first_left = std::min(first_left, tasks_[slot].due);
    }
    if (first_left <= now_) CHECK(latest_taken <= first_left);
  }

  void reply(TaskSlot slot, Time asked) {
    Task& task = tasks_[slot];
    task.due = asked + terms_.max_gap;
    Look look;
    look.asked = asked;
    look.answered = now_;
    look.submitted = task.born;
    const Time start = task.born + task.queue, end = start + task.run;
    if (start <= asked) look.started = start;
    look.status = start <= asked ? Status::in_progress : Status::submitted;
    look.progress =
        start <= asked ? static_cast<std::uint8_t>(100 * (asked - start) / (end - start + milliseconds(1))) : 0;
    if (end > asked) return schedule_.looked(slot, look);
    look.status = uniform() < 0.9 ? Status::success : Status::failure;
    look.finished = end;
    schedule_.ended(slot, look);
    enter(slot);
  }

  PollSchedule& schedule_;
  CrowdTerms terms_;
  std::mt19937_64 dice_;
  CallBudget budget_;
  std::vector<Task> tasks_;
  std::vector<Call> calls_;
  Time now_{};
};

}  // namespace mjwatchd

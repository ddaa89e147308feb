#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "daemon/core/schedule_calendar.hpp"
#include "daemon/core/schedule_forecast.hpp"
#include "daemon/core/schedule_near.hpp"
#include "daemon/core/schedule_slots.hpp"
#include "daemon/core/short_time.hpp"
#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// Accrued waiting: a call is made at the first moment when the B tasks that have most of it add up to
/// call_cost, and asks for those. A task's accrued waiting is how long, as the Forecast expects, it has
/// been done without anyone noticing.
///
/// Each task has a due time: its accrued waiting reaches its share of a call, call_cost / B, or its
/// max_gap ends. The soonest due are *near*: while all tasks are, the sum is taken exactly. Beyond some
/// 2 B tasks the rest waits *far*, in a heap, and the call is made at the mean due time of the next B,
/// where the sum is call_cost too as long as waiting grows evenly about it.
class AdaptiveSchedule final : public PollSchedule {
 public:
  AdaptiveSchedule(const GatewaySettings& gateway, const WatchSettings& watch);

  void add(TaskSlot slot, const TaskFacts& facts, Time now) override;
  void looked(TaskSlot slot, const Look& look) override;
  void ended(TaskSlot slot, const Look& look) override;
  void put_back(TaskSlot slot, Time earliest) override;
  void removed(TaskSlot slot) override;
  void hasten(TaskSlot slot, Time now) override;
  [[nodiscard]] Time next_call() const override;
  void take(Time now, std::size_t most, std::vector<TaskSlot>& out) override;
  [[nodiscard]] std::size_t waiting() const override { return waiting_; }
  [[nodiscard]] std::vector<Belief> beliefs() const override { return forecast_.beliefs(); }
  [[nodiscard]] std::string_view learned() const override { return forecast_.learned(); }
  void restore(std::string_view learned) override { forecast_.restore(learned); }
  void keep_lessons() override { forecast_.keep_lessons(); }
  [[nodiscard]] std::string take_lessons() override { return forecast_.take_lessons(); }

 private:
  enum class Place : std::uint8_t { absent, near, far, out };
  struct Entry {
    Course course;
    ShortTime due;
    ShortTime deadline;         ///< to be asked by then, whatever is expected
    ShortTime listed = kNever;  ///< its item in deadlines_; never later than the deadline
    Place place : 2 = Place::absent;
    bool held : 1 = false;  ///< not to be asked before it is due
  };
  static_assert(sizeof(Entry) == 44);
  /// A near task, for as long as a call's moment is looked for.
  struct Rising {
    const Curve* curve;
    Time from;  ///< the curve's beginning
    Time held_until;
    [[nodiscard]] Curve::Waiting waiting(Time when) const {
      return when < held_until ? Curve::Waiting{} : curve->waiting(seconds(when - from));
    }
  };
  /// Of several tasks' waiting.
  struct Sum {
    double accrued = 0, rate = 0;
  };

  void heard(const Look& look);
  void wait(TaskSlot slot, const Curve& curve, Time not_before);
  void place(TaskSlot slot, const Curve& curve);
  void unplace(TaskSlot slot);
  void pick(TaskSlot slot, std::vector<TaskSlot>& out);
  void refill();
  void drop_stale();
  [[nodiscard]] std::optional<TaskSlot> overdue(Time now);
  [[nodiscard]] bool all_near() const { return far_.empty(); }
  [[nodiscard]] bool dense() const;
  /// How much later than its call a reply will be of. Nothing while tasks are out: they will soon be
  /// here to share a call.
  [[nodiscard]] milliseconds transit() const { return out_ == 0 ? transit_ : milliseconds(0); }
  const Curve& curve_of(std::size_t near) const;
  [[nodiscard]] double accrued(std::size_t near, Time when) const;
  void gather() const;
  [[nodiscard]] Sum most_accrued(Time when) const;
  [[nodiscard]] milliseconds reaches_cost(const Sum& least, const Sum& most, milliseconds span) const;
  [[nodiscard]] Time exact_call() const;
  [[nodiscard]] Time mean_due() const;
  void take_near(Time now, std::size_t count, std::vector<TaskSlot>& out);

  std::size_t batch_, near_most_;
  float call_cost_;  ///< seconds
  milliseconds max_gap_;
  mutable Forecast forecast_;  ///< mutable for what it keeps at hand
  BySlot<Entry> entries_;
  mutable NearList near_;  ///< the soonest due; mutable for curves that are needed
  SlotCalendar far_;
  SlotCalendar deadlines_;
  std::size_t waiting_ = 0, out_ = 0;
  Time clock_ = Time::min();  ///< the latest moment heard of
  milliseconds transit_{0};   ///< from a call's leaving to the gateway's making its reply, smoothed
  mutable std::optional<Time> next_call_;
  mutable std::vector<Rising> rising_;
  mutable std::vector<Curve::Waiting> sums_;
  std::vector<std::pair<double, TaskSlot>> choice_;  ///< of take_near(): most to gain first
};

}  // namespace mjwatchd

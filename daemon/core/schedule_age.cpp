#include "daemon/core/schedule_age.hpp"

#include <algorithm>
#include <cassert>

namespace mjwatchd {
namespace {
using namespace std::chrono_literals;

/// A task whose age nobody told may be done already.
constexpr milliseconds kFirstLookOfUnknown = 2s;
constexpr milliseconds kShortestStep = 2s;
/// Recorded tasks end half a minute to two minutes after their submission, so that a twelfth of the
/// age keeps the waiting near 4 % of the run while looks grow rarer on what runs long.
constexpr int kStepsPerAge = 12;
/// Nothing but refused prompts ends sooner.
constexpr milliseconds kFirstLook = 8s;
}  // namespace

AgeSchedule::AgeSchedule(const GatewaySettings& gateway, const WatchSettings& watch)
    : batch_(std::max<std::size_t>(gateway.batch, 1)), max_gap_(watch.max_gap) {}

AgeSchedule::Entry& AgeSchedule::entry(TaskSlot slot) {
  if (slot >= entries_.size()) entries_.resize(slot + 1);
  return entries_[slot];
}

milliseconds AgeSchedule::step(const Entry& entry, Status status, Time now) const {
  if (status == Status::modal) return max_gap_;  // waits for its user, not for the gateway
  return std::min(std::max(kShortestStep, (now - entry.born) / kStepsPerAge), max_gap_);
}

void AgeSchedule::wait(TaskSlot slot, Time due) {
  Entry& e = entry(slot);
  if (e.place != Place::waiting) ++waiting_;
  e.place = Place::waiting;
  e.due = due;
  heap_.push({due, slot, ++e.round});
  drop_stale();
}

void AgeSchedule::add(TaskSlot slot, const TaskFacts& facts, Time now) {
  Entry& e = entry(slot);
  assert(e.place == Place::absent);
  e.born = std::min(facts.submitted.value_or(now), now);
  milliseconds first = kFirstLookOfUnknown;
  if (facts.submitted) first = std::max(kFirstLook - (now - e.born), milliseconds(0));
  wait(slot, now + std::min(first, max_gap_));
}

void AgeSchedule::looked(TaskSlot slot, const Look& look) {
  Entry& e = entry(slot);
  assert(e.place == Place::out);
  if (look.submitted) e.born = std::min(*look.submitted, look.answered);
  // The gap runs from when the call left: what the reply says is of that moment at the earliest.
  wait(slot, std::min(look.answered + step(e, look.status, look.answered), look.asked + max_gap_));
}

void AgeSchedule::ended(TaskSlot slot, const Look&) { forget(slot); }

void AgeSchedule::put_back(TaskSlot slot, Time earliest) {
  assert(entry(slot).place == Place::out);
  wait(slot, std::max(entry(slot).due, earliest));
}

void AgeSchedule::removed(TaskSlot slot) { forget(slot); }

void AgeSchedule::hasten(TaskSlot slot, Time now) {
  if (entry(slot).place == Place::waiting && entry(slot).due > now) wait(slot, now);
}

void AgeSchedule::forget(TaskSlot slot) {
  Entry& e = entry(slot);
  assert(e.place != Place::absent);
  if (e.place == Place::waiting) --waiting_;
  e.place = Place::absent;
  ++e.round;
  drop_stale();
}

void AgeSchedule::drop_stale() {
  while (!heap_.empty()) {
    const Item& top = heap_.top();
    const Entry& e = entries_[top.slot];
    if (e.place == Place::waiting && e.round == top.round) return;
    heap_.pop();
  }
}

Time AgeSchedule::next_call() const { return heap_.empty() ? kNever : heap_.top().due; }

void AgeSchedule::take(Time, std::size_t most, std::vector<TaskSlot>& out) {
  for (std::size_t n = std::min(most, batch_); n > 0 && !heap_.empty(); --n) {
    const TaskSlot slot = heap_.top().slot;
    entries_[slot].place = Place::out;
    --waiting_;
    heap_.pop();
    drop_stale();
    out.push_back(slot);
  }
}

}  // namespace mjwatchd

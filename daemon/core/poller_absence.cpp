// What it means that a gateway does not show a task.
#include <algorithm>

#include "daemon/core/poller.hpp"

namespace mjwatchd {
namespace {
using namespace std::chrono_literals;
constexpr milliseconds kAbsentAgain = 2s;  ///< at first, doubling with the time it is missing
constexpr milliseconds kMemoryLost = 30min;
constexpr std::size_t kMemoryLostAt = 20;
constexpr milliseconds kVanishedAgain = 1s;
}  // namespace

/// After `wait`, but never beyond max_gap since the call that told nothing.
Time Poller::soon(const Call& call, milliseconds wait, Now now) const {
  return std::clamp(call.asked + watch_.max_gap, now.steady, now.steady + wait);
}

/// Sees whether so many known tasks are absent from one reply that the gateway must have lost its memory.
void Poller::notice_forgetting(const Call& call, CallNo no, Now now, Actions& out) {
  std::size_t known = 0, missing = 0;
  for (const TaskSlot slot : call.slots) {
    if (tasks_[slot].digest == 0) continue;
    ++known;
    // One that was missing before vanished at another time.
    if (tasks_[slot].call == mark_of(no) && !tasks_[slot].missing_since()) ++missing;
  }
  if (known >= kMemoryLostAt && missing * 2 > known) lost_memory(missing, known, now, out);
}

void Poller::lost_memory(std::size_t missing, std::size_t known, Now now, Actions& out) {
  if (now.steady >= memory_lost_until_) {
    out.push_back(action::Warn{.gateway = name_,
                               .text = "the gateway no longer knows " + std::to_string(missing) + " of " +
                                       std::to_string(known) + " tasks at once: none is called lost for 30 minutes"});
  }
  memory_lost_until_ = now.steady + kMemoryLost;
}

/// The same for small batches and single fetches, of which none shows it by itself: whether most of the
/// known tasks may have vanished when this one did, between its last look that showed it and `since`. If
/// that could still turn out so with the tasks not yet looked at, those are waited for: they come, but a
/// slow gateway or a small budget makes a round through all of them longer than max_gap.
bool Poller::too_many_vanished(const Task& task, Time since, Now now, Actions& out) {
  if (since < memory_lost_until_) return false;  // it was given its time
  if (vanished_counted_ != Time::min() && now.steady < vanished_counted_ + kVanishedAgain) return vanished_;
  vanished_counted_ = now.steady;
  const Time shown = std::max(std::min(since - watch_.max_gap, Time(task.seen)), memory_lost_until_);
  std::size_t vanished = 0, present = 0, unasked = 0;
  tasks_.each([&](TaskSlot slot) {
    const Task& other = tasks_[slot];
    if (other.digest == 0 || other.phase != Phase::watching) return;
    if (const MaybeTime missing = other.missing_since()) {
      if (*missing >= shown) ++vanished;
    } else {
      ++(other.seen >= since ? present : unasked);
    }
  });
  const std::size_t known = vanished + present + unasked;
  vanished_ = known >= kMemoryLostAt && (vanished + unasked) * 2 > known;
  if (vanished_ && vanished * 2 > known) lost_memory(vanished, known, now, out);
  return vanished_;
}

void Poller::absent(TaskSlot slot, const Call& call, Now now, Actions& out, std::vector<News>& news) {
  Task& task = tasks_[slot];
  task.call = 0;
  MaybeTime& since = task.in_trouble().missing_since;
  if (!since) since = now.steady;
  const milliseconds missing = now.steady - *since;
  const milliseconds wait = std::max(kAbsentAgain, missing);
  if (now.steady < memory_lost_until_) return again(slot, soon(call, wait, now), now);
  if (missing < watch_.missing_grace) {
    return again(slot, soon(call, std::min(wait, watch_.missing_grace - missing), now), now);
  }
  if (call.batch) {
    if (!settings_) return again(slot, now.steady, now);
    return ask_alone(slot);
  }
  // A gateway that never showed anything may be at another address: that confirms no absence.
  if (!seen_any_ || too_many_vanished(task, *since, now, out)) {
    return again(slot, soon(call, std::max(wait, watch_.missing_grace), now), now);
  }
  news.push_back({slot, nullptr, Look{call.asked, now.steady, {}, {}, {}, {}, {}}});
}

}  // namespace mjwatchd

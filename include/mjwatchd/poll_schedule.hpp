// When to call a gateway, and with which tasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/settings.hpp"
#include "mjwatchd/task.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// A live task's place in one gateway's schedule: small numbers, given out and reused by the caller.
using TaskSlot = std::uint32_t;

/// What is known of a task when it enters a schedule.
struct TaskFacts {
  std::string_view action;        ///< valid during the call only
  std::optional<Time> submitted;  ///< nothing: it may be old, its first look comes within 2 s
  std::optional<Time> started;
  Status status = Status::unknown;
  std::optional<std::uint8_t> progress;
};

/// What a look at a task found. The gateway's times are already on our steady line.
struct Look {
  Time asked;  ///< when the call left; the reply is as of a moment between the two
  Time answered;
  Status status = Status::unknown;
  std::optional<std::uint8_t> progress;
  std::optional<Time> submitted;
  std::optional<Time> started;
  std::optional<Time> finished;  ///< of an ended task: its true end
};

/// What a schedule expects of an action's tasks, from submission to end, in seconds; infinity when that
/// many are not expected to end.
struct Belief {
  std::string action;
  float median_s = 0, p90_s = 0;
};

/// One gateway's schedule. It knows nothing of budgets, breakers and replies: those delay a call
/// (GatewayLink), and when they bind, the order given here decides who goes first.
///
/// A slot is either *waiting* (added, looked at, put back) or *out* (taken for a call). Every slot
/// that was taken is given back by exactly one of looked(), ended(), put_back() or removed().
/// Decisions are amortised O(log n). Not thread-safe; deterministic.
class PollSchedule {
 public:
  virtual ~PollSchedule() = default;

  virtual void add(TaskSlot slot, const TaskFacts& facts, Time now) = 0;
  /// Seen, and still unfinished: waiting again.
  virtual void looked(TaskSlot slot, const Look& look) = 0;
  /// Seen, and ended: learns, and forgets the slot.
  virtual void ended(TaskSlot slot, const Look& look) = 0;
  /// The call told nothing of it: waiting again as before, as urgent as before, not before `earliest`.
  virtual void put_back(TaskSlot slot, Time earliest) = 0;
  /// Forgotten without learning; from either state.
  virtual void removed(TaskSlot slot) = 0;
  /// Someone asked: due at once.
  virtual void hasten(TaskSlot slot, Time now) = 0;

  /// The first moment at which a call is worth making; kNever when nothing waits.
  [[nodiscard]] virtual Time next_call() const = 0;
  /// Takes up to `most` (≤ batch) slots for the call to make now, most urgent first. Called at or
  /// after next_call(); answers at least one slot then.
  virtual void take(Time now, std::size_t most, std::vector<TaskSlot>& out) = 0;
  /// How many wait.
  [[nodiscard]] virtual std::size_t waiting() const = 0;

  /// For people; of the actions seen so far.
  [[nodiscard]] virtual std::vector<Belief> beliefs() const { return {}; }

  /// What was learned, small, for the store, good until the schedule is told something; and back. A state of another
  /// version is ignored.
  [[nodiscard]] virtual std::string_view learned() const { return {}; }
  virtual void restore(std::string_view /*learned*/) {}

  /// Where several daemons ask the same gateway: from now on what is learned is kept apart as well, for take_lessons().
  virtual void keep_lessons() {}
  /// What was learned since the last time, in the form of learned(), for the others; empty when no task has ended
  /// since. What is restored after that is what all have learned, and what was not taken yet stays known beside it.
  [[nodiscard]] virtual std::string take_lessons() { return {}; }
};

/// What was learned up to some moment, and what was learned after it, or beside it by another daemon: together, in the
/// form of PollSchedule::learned(). Associative. One of another version, or empty, counts for nothing.
[[nodiscard]] std::string merge_learned(std::string_view known, std::string_view later);

/// The schedule the daemon uses.
[[nodiscard]] std::unique_ptr<PollSchedule> make_schedule(const GatewaySettings& gateway, const WatchSettings& watch);

}  // namespace mjwatchd

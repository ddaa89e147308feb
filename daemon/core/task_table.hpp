#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/compact_id.hpp"
#include "daemon/core/schedule_slots.hpp"
#include "daemon/core/slot_index.hpp"
#include "mjwatchd/event.hpp"
#include "mjwatchd/poll_schedule.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// Where a held task is in its life here.
enum class Place : std::uint8_t {
  held,     ///< its gateway isn't configured: shown, never asked for
  waiting,  ///< in the schedule
  asked,    ///< taken from the schedule: in a call, or in a queue for one
  settling  ///< a change of it is on its way to the disk
};

/// What a task needs once SUCCESS is committed: the way of its pictures.
struct PictureState {
  Time next{};              ///< when to try again
  milliseconds wait{};      ///< before that, doubling
  bool queued = false;      ///< waits for a free place, or is being saved
  bool on_request = false;  ///< has ended; someone asked for its pictures once more
  WallTime success_at{};
  Time success{};
  std::optional<WallTime> link_expires_at;
  std::string error;  ///< of the last attempt
};

/// A moment that may not be known, in the room of one.
class MaybeTime {
 public:
  MaybeTime() = default;
  MaybeTime(Time time) : time_(time) {}                                    // NOLINT
  MaybeTime(std::optional<Time> time) : time_(time.value_or(kUnknown)) {}  // NOLINT: stands for it everywhere
  operator std::optional<Time>() const { return *this ? std::optional(time_) : std::nullopt; }  // NOLINT
  explicit operator bool() const { return time_ != kUnknown; }
  Time operator*() const { return time_; }
  void reset() { time_ = kUnknown; }

 private:
  static constexpr Time kUnknown = Time::min();
  Time time_ = kUnknown;
};

/// What befalls few tasks, and those not for long.
struct Trouble {
  Time not_before = Time::min();   ///< a failed commit is tried again from here on
  Time alone_until = Time::min();  ///< the gateway dislikes batches with it
  MaybeTime missing_since;
};

/// What the daemon remembers of a task it watches. Committed state only. There may be a million, so
/// that each byte counts; the pictures' part exists only after SUCCESS.
struct Task {
  CompactId id;
  std::uint64_t digest = 0;
  std::uint64_t generation = 0;  ///< tells this task from one that had its slot before; never 0 while held
  CallNo call = 0;               ///< the call it is in
  Time expire{};
  Time changed{};  ///< last change of status or progress
  Time registered{};
  Time timer = kNever;      ///< its one item in the deadlines
  Time seen = Time::min();  ///< when a reply last had it
  MaybeTime submitted, started;
  std::unique_ptr<PictureState> pictures;
  std::unique_ptr<Trouble> trouble;
  std::optional<std::uint8_t> progress;
  Phase phase = Phase::watching;
  Status status = Status::unknown;
  SaveMode save = SaveMode::image;
  Place place = Place::held;
  std::uint8_t action = 0;  ///< index into the table's words
  bool seed : 1 = false;
  bool stalled : 1 = false;
  bool said_started : 1 = false;
  bool scheduled : 1 = false;  ///< the schedule knows its slot

  [[nodiscard]] Time not_before() const { return trouble ? trouble->not_before : Time::min(); }
  [[nodiscard]] Time alone_until() const { return trouble ? trouble->alone_until : Time::min(); }
  [[nodiscard]] MaybeTime missing_since() const { return trouble ? trouble->missing_since : MaybeTime(); }
  [[nodiscard]] Trouble& in_trouble() {
    if (!trouble) trouble = std::make_unique<Trouble>();
    return *trouble;
  }
};

/// One gateway's tasks: by slot, and by id. Slots are reused; references stay good until drop().
class TaskTable {
 public:
  /// A task from its record; its times are placed on the steady line, none of them in the future
  /// that belongs to the past, so that a clock set back leaves nothing waiting for ever.
  TaskSlot add(const TaskRecord& record, const Now& now);
  void drop(TaskSlot slot);

  [[nodiscard]] std::optional<TaskSlot> find(std::string_view id) const;
  [[nodiscard]] Task& operator[](TaskSlot slot) { return tasks_[slot]; }
  [[nodiscard]] const Task& operator[](TaskSlot slot) const { return tasks_.at(slot); }
  [[nodiscard]] bool is(TaskSlot slot, std::uint64_t generation) const {
    return slot < slots_ && tasks_.at(slot).generation == generation;
  }
  [[nodiscard]] std::string_view action(const Task& task) const { return actions_[task.action]; }
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  /// Calls `visit(slot)` for each task, in the order of slots.
  template <typename Visit>
  void each(Visit visit) const {
    for (TaskSlot slot = 0; slot < slots_; ++slot) {
      if (tasks_.at(slot).generation != 0) visit(slot);
    }
  }

 private:
  std::uint8_t word(std::string_view action);

  [[nodiscard]] std::uint64_t hash_of(TaskSlot slot) const { return tasks_.at(slot).id.hash(); }

  BySlot<Task> tasks_;
  TaskSlot slots_ = 0;  ///< so many were ever given out
  std::vector<TaskSlot> free_;
  SlotIndex by_id_;
  std::vector<std::string> actions_{""};  ///< at most 256; further words count as not said
  std::uint64_t generations_ = 0;
};

}  // namespace mjwatchd

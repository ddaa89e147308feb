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
#include "daemon/core/short_time.hpp"
#include "daemon/core/slot_index.hpp"
#include "mjwatchd/event.hpp"
#include "mjwatchd/poll_schedule.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// Where a held task is in its life here.
enum class TaskPlace : std::uint8_t {
  held,     ///< its gateway isn't configured: shown, never asked for
  waiting,  ///< in the schedule
  asked,    ///< taken from the schedule: in a call, or in a queue for one
  settling  ///< a change of it is on its way to the disk
};

/// Tells a task from one that had its slot before. That none of four thousand million later ones comes to the slot
/// while somebody still remembers the first is certain enough.
using Generation = std::uint32_t;

/// A call in the room of four bytes; 0 is none.
using CallMark = std::uint32_t;
[[nodiscard]] constexpr CallMark mark_of(CallNo call) { return static_cast<CallMark>(call % 0xFFFFFFFFU) + 1; }

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

/// A progress that may not be known, in the room of one.
class MaybeProgress {
 public:
  MaybeProgress() = default;
  MaybeProgress(std::optional<std::uint8_t> progress) : progress_(progress.value_or(kUnknown)) {}  // NOLINT
  operator std::optional<std::uint8_t>() const {                                                   // NOLINT
    return progress_ == kUnknown ? std::nullopt : std::optional(progress_);
  }
  bool operator==(std::uint8_t known) const { return progress_ == known; }

 private:
  static constexpr std::uint8_t kUnknown = 255;  ///< a progress has at most 100
  std::uint8_t progress_ = kUnknown;
};

/// What befalls few tasks, and those not for long.
struct Trouble {
  Time not_before = Time::min();   ///< a failed commit is tried again from here on
  Time alone_until = Time::min();  ///< the gateway dislikes batches with it
  MaybeTime missing_since;
};

/// What most tasks do without.
struct Rare {
  std::optional<PictureState> pictures;
  Trouble trouble;
};

/// What the daemon remembers of a task it watches. Committed state only. There may be a million, so
/// that each byte counts; the pictures' part exists only after SUCCESS.
struct Task {
  CompactId id;
  std::uint64_t digest = 0;
  std::unique_ptr<Rare> rare;
  Generation generation = 0;  ///< tells this task from one that had its slot before; never 0 while held
  CallMark call = 0;          ///< of the call it is in
  ShortTime expire;
  ShortTime changed;  ///< last change of status or progress
  ShortTime registered;
  ShortTime timer = kNever;      ///< its one item in the deadlines
  ShortTime seen = Time::min();  ///< when a reply last had it
  MaybeTime submitted, started;
  MaybeProgress progress;
  Status status = Status::unknown;
  std::uint8_t action = 0;  ///< index into the table's words
  Phase phase : 2 = Phase::watching;
  SaveMode save : 2 = SaveMode::image;
  TaskPlace place : 2 = TaskPlace::held;
  bool seed : 1 = false;
  bool stalled : 1 = false;
  bool said_started : 1 = false;
  bool scheduled : 1 = false;  ///< the schedule knows its slot

  /// Null before SUCCESS.
  [[nodiscard]] PictureState* pictures() const { return rare && rare->pictures ? &*rare->pictures : nullptr; }
  PictureState& begin_pictures() { return need_rare().pictures.emplace(); }
  [[nodiscard]] Time not_before() const { return rare ? rare->trouble.not_before : Time::min(); }
  [[nodiscard]] Time alone_until() const { return rare ? rare->trouble.alone_until : Time::min(); }
  [[nodiscard]] MaybeTime missing_since() const { return rare ? rare->trouble.missing_since : MaybeTime(); }
  [[nodiscard]] Trouble& in_trouble() { return need_rare().trouble; }
  Rare& need_rare() {
    if (!rare) rare = std::make_unique<Rare>();
    return *rare;
  }
};

static_assert(sizeof(Task) == 72);

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
  [[nodiscard]] bool is(TaskSlot slot, Generation generation) const {
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
  Generation generations_ = 0;
};

}  // namespace mjwatchd

// What is old goes, a bounded step at a time.
#pragma once

#include <cstddef>
#include <vector>

#include "daemon/store/sqlite.hpp"
#include "mjwatchd/delivery.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::store {

/// One wish to remove what is older than `before`, and how far it has come.
struct PruneOrder {
  WallTime before{};
  std::size_t tasks_removed = 0;
  enum class Stage : std::uint8_t { tasks, events, receivers, finished } stage = Stage::tasks;
  WallTime at = WallTime::min();  ///< events up to here were looked at
  std::int64_t after = 0;
};

/// Removes finished tasks and old events with what belongs to them: bodies, attempts, receivers
/// nobody needs. A delivery that waits (pending or held) stays with its event and its receiver.
/// The writer's thread; every step runs inside a transaction of the caller. `db` must outlive it.
template <typename Db>
class Pruner {
 public:
  explicit Pruner(Db& db) : db_(db) {}

  /// One step; what was done is in the order. Repeat until its stage is `finished`.
  void step(PruneOrder& order);

  /// Makes room at watch.store_max_size: the oldest finished tasks go, held deliveries with them;
  /// when there are none, events whose tasks are gone. `saved` gets what was saved of the tasks. False when all
  /// that is left is live.
  [[nodiscard]] bool relieve(std::vector<SavedImage>& saved);

 private:
  void old_tasks(PruneOrder& order);
  void old_events(PruneOrder& order);
  void old_receivers(PruneOrder& order);
  void remove_task(TaskNo task, bool also_held);
  bool remove_event(EventNo event, bool also_held);
  bool orphans_go();

  Db& db_;
  EventNo looked_at_ = 0;  ///< relieve(): orphans were sought up to here
  bool orphan_found_ = false;
};

/// The number up to which events were removed; a reader that stands before it has missed some.
template <typename Db>
[[nodiscard]] EventNo events_gone(Db& db);

}  // namespace mjwatchd::store

#include "daemon/core/finding.hpp"

#include <cassert>

namespace mjwatchd {
namespace {

bool status_moved(const Task& task, const Snapshot& snapshot) {
  return snapshot.status != task.status && snapshot.status != Status::unknown;
}

bool progress_moved(const Task& task, const Snapshot& snapshot) {
  return snapshot.progress && *snapshot.progress != task.progress;
}

void tell_running(const Task& task, const Snapshot& snapshot, change::Task& change) {
  if (snapshot.status == Status::in_progress && !task.said_started) change.events.push_back(EventType::started);
  if (snapshot.status == Status::modal && task.status != Status::modal) change.events.push_back(EventType::modal);
  if (progress_moved(task, snapshot)) change.events.push_back(EventType::progress);
}

void tell_end(const Task& task, const Snapshot& snapshot, change::Task& change) {
  change.phase = Phase::done;
  switch (snapshot.status) {
    case Status::success:
      if (task.save != SaveMode::none || task.seed) {
        change.phase = Phase::saving;  // announced with its pictures
        return;
      }
      change.ending = Ending::succeeded;
      change.events.push_back(EventType::succeeded);
      return;
    case Status::failure:
      change.ending = Ending::failed;
      change.events.push_back(EventType::failed);
      return;
    default:
      change.ending = Ending::cancelled;
      change.events.push_back(EventType::cancelled);
      return;
  }
}

}  // namespace

bool moved(const Task& task, const Snapshot& snapshot) {
  return status_moved(task, snapshot) || progress_moved(task, snapshot);
}

std::optional<change::Task> find_change(const Task& task, const TaskKey& key, const Snapshot& snapshot,
                                        const WatchSettings& watch, Now now) {
  assert(!is_final(task.status) && task.phase == Phase::watching);
  change::Task change;
  change.key = key;
  change.at = now.wall;
  change.stalled = task.stalled;
  if (moved(task, snapshot) || snapshot.digest != task.digest) {
    change.snapshot = snapshot;
    if (moved(task, snapshot)) change.stalled = false;
  }
  if (is_final(snapshot.status)) {
    change.stalled = false;
    tell_end(task, snapshot, change);
    return change;
  }
  tell_running(task, snapshot, change);
  const Status status = snapshot.status == Status::unknown ? task.status : snapshot.status;
  if (!moved(task, snapshot) && !task.stalled && status != Status::modal &&
      now.steady - Time(task.changed) >= watch.stall_after) {
    change.stalled = true;
    change.events.push_back(EventType::stalled);
  }
  if (!change.snapshot && change.events.empty()) return std::nullopt;
  return change;
}

}  // namespace mjwatchd

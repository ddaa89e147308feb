#include "daemon/core/finding.hpp"

#include <cassert>
#include <utility>

namespace mjwatchd {
namespace {

bool progress_moved(const Task& task, std::optional<std::uint8_t> progress) {
  return progress && *progress != task.progress;
}

void tell_running(const Task& task, const Snapshot& snapshot, change::Task& change) {
  if (snapshot.status == Status::in_progress && !task.said_started) change.events.push_back(EventType::started);
  if (snapshot.status == Status::modal && task.status != Status::modal) change.events.push_back(EventType::modal);
  if (progress_moved(task, snapshot.progress)) change.events.push_back(EventType::progress);
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

bool moved(const Task& task, Status status, std::optional<std::uint8_t> progress) {
  return (status != task.status && status != Status::unknown) || progress_moved(task, progress);
}

bool find_change(const Task& task, Snapshot&& snapshot, const WatchSettings& watch, Now now, change::Task& change) {
  assert(!is_final(task.status) && task.phase == Phase::watching);
  change.at = now.wall;
  change.stalled = task.stalled;
  const bool moves = moved(task, snapshot.status, snapshot.progress), ends = is_final(snapshot.status);
  const bool differs = moves || snapshot.digest != task.digest;
  if (moves || ends) change.stalled = false;
  if (ends) {
    tell_end(task, snapshot, change);
  } else {
    tell_running(task, snapshot, change);
    const Status status = snapshot.status == Status::unknown ? task.status : snapshot.status;
    if (!moves && !task.stalled && status != Status::modal && now.steady - Time(task.changed) >= watch.stall_after) {
      change.stalled = true;
      change.events.push_back(EventType::stalled);
    }
  }
  if (differs) {
    Snapshot& seen = change.snapshot.emplace(std::move(snapshot));
    seen.json = seen.json.own();  // the reply of a hundred tasks need not wait for the disk with it
  }
  return ends || differs || !change.events.empty();
}

}  // namespace mjwatchd

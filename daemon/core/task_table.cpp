#include "daemon/core/task_table.hpp"

#include <algorithm>
#include <cassert>

namespace mjwatchd {

TaskSlot TaskTable::add(const TaskRecord& record, const Now& now) {
  assert(!find(record.key.id));
  TaskSlot slot = 0;
  if (free_.empty()) {
    slot = slots_++;
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  const auto past = [&now](WallTime when) { return std::min(now.steady, now.at(when)); };
  Task& task = tasks_[slot];
  task.id = CompactId(record.key.id);
  task.generation = ++generations_;
  task.digest = record.digest;
  task.registered = past(record.registered_at);
  // Never later than the whole term from now, however far the clock was set back.
  task.expire = std::min(now.at(record.expire_at), now.steady + (record.expire_at - record.registered_at));
  task.changed = past(record.changed_at);
  if (record.submitted_at) task.submitted = past(*record.submitted_at);
  if (record.started_at) task.started = past(*record.started_at);
  task.progress = record.progress;
  task.phase = record.phase;
  task.status = record.status;
  task.save = record.save;
  task.seed = record.seed;
  task.stalled = record.stalled;
  task.action = word(record.action);
  // Not by startTime: some gateways set it when they take the task in.
  task.said_started = record.status == Status::in_progress || record.progress.value_or(0) > 0;
  if (record.phase == Phase::saving || record.phase == Phase::late || record.phase == Phase::done) {
    task.begin_pictures();
    task.pictures()->next = now.steady;
    task.pictures()->success_at = record.success_at;
    task.pictures()->success = past(record.success_at);
    task.pictures()->link_expires_at = record.link_expires_at;
  }
  by_id_.add(slot, [this](TaskSlot one) { return hash_of(one); });
  return slot;
}

void TaskTable::drop(TaskSlot slot) {
  assert(tasks_[slot].generation != 0);
  by_id_.remove(slot, [this](TaskSlot one) { return hash_of(one); });
  tasks_[slot] = Task{};
  free_.push_back(slot);
}

std::optional<TaskSlot> TaskTable::find(std::string_view id) const {
  return by_id_.find(CompactId::hash(id), [&](TaskSlot slot) { return tasks_.at(slot).id == id; });
}

std::uint8_t TaskTable::word(std::string_view action) {
  const auto found = std::find(actions_.begin(), actions_.end(), action);
  if (found != actions_.end()) return static_cast<std::uint8_t>(found - actions_.begin());
  if (actions_.size() == 256 || action.size() > 64) return 0;
  actions_.emplace_back(action);
  return static_cast<std::uint8_t>(actions_.size() - 1);
}

}  // namespace mjwatchd

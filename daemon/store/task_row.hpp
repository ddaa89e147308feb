// A task as it stands in the table.
#pragma once

#include <optional>
#include <string>

#include "mjwatchd/change.hpp"
#include "mjwatchd/delivery.hpp"

namespace mjwatchd::store {

/// What is looked at often.
struct TaskRow {
  TaskNo no = 0;
  TaskRecord record;
  std::optional<Status> previous;  ///< status before the last look; nothing: that was the first
  Ending ending = Ending::none;
  std::uint32_t sequence = 0;
  std::optional<EventMask> events;  ///< the registration's own filter
  bool listed = false;              ///< its targets are all receivers, the default list none
  std::optional<WallTime> finished_at, ended_at;
};

/// What is long.
struct TaskTexts {
  std::string given = "{}";
  std::string metadata = "{}";
  std::string object;  ///< the gateway's merged object; empty: never seen
  ImageResult images;
};

/// The columns read_task() reads, in its order, of a table called `tasks`.
#define MJWATCHD_TASK_COLUMNS                                                                                \
  "tasks.no, tasks.gateway, tasks.id, tasks.phase, tasks.status, tasks.previous, tasks.ending, "             \
  "tasks.action, tasks.progress, tasks.digest, tasks.save, tasks.seed, tasks.stalled, tasks.registered_at, " \
  "tasks.expire_at, tasks.changed_at, tasks.submitted_at, tasks.started_at, tasks.finished_at, "             \
  "tasks.success_at, tasks.ended_at, tasks.link_expires_at, tasks.sequence, tasks.events, tasks.listed"
constexpr int kTaskColumns = 25;

template <typename Query>
[[nodiscard]] TaskRow read_task(const Query& row) {
  TaskRow task;
  TaskRecord& record = task.record;
  int at = 0;
  task.no = row.integer(at++);
  record.key.gateway = row.text(at++);
  record.key.id = row.text(at++);
  record.phase = row.template as<Phase>(at++);
  record.status = row.template as<Status>(at++);
  task.previous = row.template maybe<Status>(at++);
  task.ending = row.template as<Ending>(at++);
  record.action = row.text(at++);
  record.progress = row.template maybe<std::uint8_t>(at++);
  record.digest = row.template as<std::uint64_t>(at++);
  record.save = row.template as<SaveMode>(at++);
  record.seed = row.integer(at++) != 0;
  record.stalled = row.integer(at++) != 0;
  record.registered_at = row.time(at++);
  record.expire_at = row.time(at++);
  record.changed_at = row.time(at++);
  record.submitted_at = row.template maybe<WallTime>(at++);
  record.started_at = row.template maybe<WallTime>(at++);
  task.finished_at = row.template maybe<WallTime>(at++);
  record.success_at = row.time(at++);
  task.ended_at = row.template maybe<WallTime>(at++);
  record.link_expires_at = row.template maybe<WallTime>(at++);
  task.sequence = row.template as<std::uint32_t>(at++);
  task.events = row.template maybe<EventMask>(at++);
  task.listed = row.integer(at++) != 0;
  return task;
}

}  // namespace mjwatchd::store

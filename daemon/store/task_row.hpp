// A task as it stands in the table.
#pragma once

#include <optional>
#include <string>

#include "daemon/store/sqlite.hpp"
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

[[nodiscard]] TaskRow read_task(const Query& row);
[[nodiscard]] std::optional<TaskRow> find_task(Connection& db, const TaskKey& key);
[[nodiscard]] TaskTexts load_texts(Connection& db, TaskNo task);
/// Gives `row.no`.
void insert_task(Connection& db, TaskRow& row, const TaskTexts& texts);
/// Everything that can change after the registration.
void update_task(Connection& db, const TaskRow& row);
void update_texts(Connection& db, TaskNo task, const TaskTexts& texts);

}  // namespace mjwatchd::store

#include "daemon/store/task_row.hpp"

#include "daemon/store/stored_json.hpp"

namespace mjwatchd::store {

TaskRow read_task(const Query& row) {
  TaskRow task;
  TaskRecord& record = task.record;
  int at = 0;
  task.no = row.integer(at++);
  record.key.gateway = row.text(at++);
  record.key.id = row.text(at++);
  record.phase = row.as<Phase>(at++);
  record.status = row.as<Status>(at++);
  task.previous = row.maybe<Status>(at++);
  task.ending = row.as<Ending>(at++);
  record.action = row.text(at++);
  record.progress = row.maybe<std::uint8_t>(at++);
  record.digest = row.as<std::uint64_t>(at++);
  record.save = row.as<SaveMode>(at++);
  record.seed = row.integer(at++) != 0;
  record.stalled = row.integer(at++) != 0;
  record.registered_at = row.time(at++);
  record.expire_at = row.time(at++);
  record.changed_at = row.time(at++);
  record.submitted_at = row.maybe<WallTime>(at++);
  record.started_at = row.maybe<WallTime>(at++);
  task.finished_at = row.maybe<WallTime>(at++);
  record.success_at = row.time(at++);
  task.ended_at = row.maybe<WallTime>(at++);
  record.link_expires_at = row.maybe<WallTime>(at++);
  task.sequence = row.as<std::uint32_t>(at++);
  task.events = row.maybe<EventMask>(at++);
  task.listed = row.integer(at++) != 0;
  return task;
}

std::optional<TaskRow> find_task(Connection& db, const TaskKey& key) {
  Query row(db, "SELECT " MJWATCHD_TASK_COLUMNS " FROM tasks WHERE id = ? AND gateway = ?", key.id, key.gateway);
  if (!row.next()) return std::nullopt;
  return read_task(row);
}

TaskTexts load_texts(Connection& db, TaskNo task) {
  TaskTexts texts;
  Query row(db, "SELECT given, metadata, object, images FROM task_texts WHERE task = ?", task);
  if (!row.next()) return texts;
  texts.given = row.text(0);
  texts.metadata = row.text(1);
  texts.object = row.text(2);
  texts.images = decode_images(row.text(3));
  return texts;
}

void insert_task(Connection& db, TaskRow& row, const TaskTexts& texts) {
  const TaskRecord& r = row.record;
  db.run(
      "INSERT OR FAIL INTO tasks(gateway, id, phase, status, previous, ending, action, progress, digest, save, seed, "
      "stalled, "
      "registered_at, expire_at, changed_at, submitted_at, started_at, finished_at, success_at, ended_at, "
      "link_expires_at, sequence, events, listed) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      r.key.gateway, r.key.id, r.phase, r.status, row.previous, row.ending, r.action, r.progress, r.digest, r.save,
      r.seed, r.stalled, r.registered_at, r.expire_at, r.changed_at, r.submitted_at, r.started_at, row.finished_at,
      r.success_at, row.ended_at, r.link_expires_at, row.sequence, row.events, row.listed);
  row.no = db.last_row();
  db.run("INSERT INTO task_texts(task, given, metadata, object, images) VALUES (?,?,?,?,?)", row.no, texts.given,
         texts.metadata, texts.object, encode_images(texts.images));
}

void update_task(Connection& db, const TaskRow& row) {
  const TaskRecord& r = row.record;
  db.run(
      "UPDATE OR FAIL tasks SET phase = ?, status = ?, previous = ?, ending = ?, action = ?, progress = ?, digest = ?, "
      "stalled = ?, changed_at = ?, submitted_at = ?, started_at = ?, finished_at = ?, success_at = ?, ended_at = ?, "
      "link_expires_at = ?, sequence = ? WHERE no = ?",
      r.phase, r.status, row.previous, row.ending, r.action, r.progress, r.digest, r.stalled, r.changed_at,
      r.submitted_at, r.started_at, row.finished_at, r.success_at, row.ended_at, r.link_expires_at, row.sequence,
      row.no);
}

void update_texts(Connection& db, TaskNo task, const TaskTexts& texts) {
  db.run("UPDATE task_texts SET object = ?, images = ? WHERE task = ?", texts.object, encode_images(texts.images),
         task);
}

}  // namespace mjwatchd::store

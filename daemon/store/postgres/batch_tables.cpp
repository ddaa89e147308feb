#include "daemon/store/postgres/batch_tables.hpp"

#include <iterator>
#include <utility>

#include "daemon/store/stored_json.hpp"

namespace mjwatchd::store::postgres {

std::int64_t BatchTables::Numbers::take() {
  const std::int64_t no = list.back();
  list.pop_back();
  return no;
}

bool BatchTables::may(const Change& change) {
  if (const auto* task = std::get_if<change::Task>(&change)) {
    const auto found = tasks_.find(task->key);
    Task& there = found == tasks_.end() ? take_in(task->key) : found->second;
    return !there.row || there.holder == self_ || is_nobodys(there);
  }
  if (const auto* delivery = std::get_if<change::Delivery>(&change)) {
    const auto found = deliveries_.find(delivery->no);
    return found == deliveries_.end() || found->second.ours;
  }
  return true;
}

/// What is done is in nobody's hands any more, and may be written by whoever was asked to look at it again.
bool BatchTables::is_nobodys(const Task& task) {
  return task.row->record.phase == Phase::done &&
         db_.number("SELECT count(*) FROM daemons WHERE no = ?", task.holder) == 0;
}

bool BatchTables::holds(const TaskKey& key) const {
  const auto found = tasks_.find(key);
  return found != tasks_.end() && found->second.holder == self_;
}

TaskNo BatchTables::number_of(const TaskKey& key) const {
  const auto found = tasks_.find(key);
  return found == tasks_.end() || !found->second.row ? 0 : found->second.row->no;
}

BatchTables::Owned BatchTables::take_free(const std::vector<DeliveryNo>& deliveries) {
  write();
  Array numbers(Array::Kind::number);
  for (const DeliveryNo no : deliveries) numbers.add(no);
  const Value all = numbers.take();
  static_cast<void>(db_.exec(
      "UPDATE tasks SET holder = ?1 WHERE phase = 3 AND no IN (SELECT task FROM unnest(?2::bigint[]) AS k(no) JOIN "
      "deliveries USING (no) WHERE deliveries.holder IS NULL) AND NOT EXISTS (SELECT 1 FROM daemons WHERE "
      "daemons.no = tasks.holder) AND NOT EXISTS (SELECT 1 FROM deliveries WHERE task = tasks.no AND state IN (0, 2) "
      "AND deliveries.no NOT IN (SELECT unnest(?2::bigint[])))",
      {Value(self_), all}));
  // One whose task is gone since it was delivered has no holder of its own yet.
  static_cast<void>(db_.exec(
      "UPDATE deliveries SET holder = ?1 WHERE no = ANY(?2::bigint[]) AND NOT EXISTS (SELECT 1 FROM daemons WHERE "
      "daemons.no = deliveries.holder) AND (holder IS NOT NULL OR NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.no = "
      "task))",
      {Value(self_), all}));
  Rows rows = db_.exec(
      "SELECT deliveries.no, tasks.no, gateway, id, phase, coalesce(deliveries.holder, tasks.holder) = ?, daemons.no "
      "IS NULL FROM unnest(?::bigint[]) AS k(no) JOIN deliveries USING (no) LEFT JOIN tasks ON tasks.no = task AND "
      "deliveries.holder IS NULL LEFT JOIN daemons ON daemons.no = coalesce(deliveries.holder, tasks.holder)",
      {Value(self_), all});
  Owned owned;
  while (rows.next()) {
    if (rows.integer(6) != 0) owned.more = true;
    if (rows.integer(5) == 0) continue;
    owned.deliveries.insert(rows.integer(0));
    if (rows.null(1)) {
      owned.alone.push_back(rows.integer(0));
    } else {
      owned.tasks[rows.integer(1)] = {{rows.text(2), rows.text(3)}, rows.as<Phase>(4) != Phase::done};
    }
  }
  return owned;
}

TaskNo BatchTables::tell_holder(const TaskKey& key) {
  if (!find_task(key)) return 0;
  const Task& task = tasks_[key];
  if (task.holder != self_) call("gone " + std::to_string(task.holder) + " " + std::to_string(task.row->no));
  return task.row->no;
}

EventNo BatchTables::commit(const std::string& channel) {
  auto statements = all_that_waits();
  if (events_ != 0) call("events");
  for (const std::string& note : std::exchange(notes_, {})) {
    statements.push_back({"SELECT pg_notify(?, ?)", {Value(channel), Value(note)}});
  }
  statements.push_back({"SELECT value - ? FROM meta WHERE name = 'events'", {Value(events_)}});
  statements.push_back({"COMMIT", {}});
  auto answers = db_.together(statements);
  drop();
  Rows& before = answers[answers.size() - 2];
  return before.next() ? before.integer(0) : 0;
}

void BatchTables::drop() {
  tasks_.clear();
  by_number_.clear();
  receivers_.clear();
  held_.clear();
  deliveries_.clear();
  bodies_.clear();
  notes_.clear();
  static_cast<void>(sheets_.take_quiet());
  static_cast<void>(sheets_.take_numbered(0));
  events_ = numbered_ = 0;
}

/// Rows that changed, once each, as they stand now.
void BatchTables::put_down() {
  for (auto& [key, task] : tasks_) {
    if (task.came) sheets_.insert(*task.row, *task.texts, self_);
    if (task.changed && !task.came) sheets_.update(*task.row);
    if (task.texts_changed && !task.came) sheets_.update(task.row->no, *task.texts);
    task.came = task.changed = task.texts_changed = false;
  }
  for (auto& [no, known] : deliveries_) {
    if (known.update) sheets_.update(*known.update);
    known.update.reset();
  }
}

/// From the numbering on, other daemons' events wait until this transaction is committed, so that who reads on from
/// a number misses none: it comes as late as can be.
std::vector<Connection::Statement> BatchTables::all_that_waits() {
  put_down();
  auto statements = sheets_.take_quiet();
  if (numbered_ != events_) {
    statements.push_back({"UPDATE meta SET value = value + ? WHERE name = 'events'", {Value(events_ - numbered_)}});
    numbered_ = events_;
  }
  auto rest = sheets_.take_numbered(events_);
  std::move(rest.begin(), rest.end(), std::back_inserter(statements));
  return statements;
}

void BatchTables::write() {
  const auto statements = all_that_waits();
  if (!statements.empty()) static_cast<void>(db_.together(statements));
}

void BatchTables::step_aside() {
  write();
  tasks_.clear();
  by_number_.clear();
  receivers_.clear();
  held_.clear();
}

BatchTables::Task* BatchTables::known(TaskNo task) {
  const auto found = by_number_.find(task);
  return found == by_number_.end() ? nullptr : found->second;
}

BatchTables::Task& BatchTables::take_in(const TaskKey& key) {
  Task& task = tasks_[key];
  typename Connection::Query row(
      db_, "SELECT " MJWATCHD_TASK_COLUMNS ", holder FROM tasks WHERE id = ? AND gateway = ? FOR NO KEY UPDATE", key.id,
      key.gateway);
  if (!row.next()) return task;
  task.row = read_task(row);
  task.holder = row.null(kTaskColumns) ? 0 : row.integer(kTaskColumns);
  by_number_.emplace(task.row->no, &task);
  return task;
}

std::optional<TaskRow> BatchTables::find_task(const TaskKey& key) {
  const auto found = tasks_.find(key);
  return found == tasks_.end() ? take_in(key).row : found->second.row;
}

TaskTexts BatchTables::load_texts(TaskNo task) {
  Task* const there = known(task);
  if (there == nullptr) return SqlTables::load_texts(task);
  if (!there->texts) there->texts = SqlTables::load_texts(task);
  return *there->texts;
}

void BatchTables::insert_task(TaskRow& row, const TaskTexts& texts) {
  row.no = task_numbers_.list.empty() ? db_.number("SELECT nextval('tasks_no_seq')") : task_numbers_.take();
  Task& task = tasks_[row.record.key];
  task = Task{};
  task.row = row;
  task.holder = self_;
  task.texts = texts;
  task.targets.emplace();
  task.came = true;
  by_number_[row.no] = &task;
}

void BatchTables::update_task(const TaskRow& row) {
  Task* const task = known(row.no);
  if (task == nullptr) return SqlTables::update_task(row);
  task->row = row;
  task->changed = true;
}

void BatchTables::update_texts(TaskNo no, const TaskTexts& texts) {
  Task* const task = known(no);
  if (task == nullptr) return SqlTables::update_texts(no, texts);
  task->texts = texts;
  task->texts_changed = true;
}

void BatchTables::remove_task(TaskNo task) {
  step_aside();
  SqlTables::remove_task(task);
}

std::optional<ReceiverRow> BatchTables::find_receiver(const std::string& name) {
  const auto found = receivers_.find(name);
  if (found != receivers_.end()) return found->second;
  auto row = SqlTables::find_receiver(name);
  if (row) receivers_.emplace(name, *row);
  return row;
}

ReceiverRow BatchTables::insert_receiver(const ReceiverRef& ref, WallTime at) {
  const ReceiverRow row = SqlTables::insert_receiver(ref, at);
  receivers_.insert_or_assign(ref.name, row);
  held_[row.no] = false;
  return row;
}

void BatchTables::set_group(ReceiverNo receiver, const std::string& group) {
  step_aside();
  SqlTables::set_group(receiver, group);
}

void BatchTables::set_disabled(ReceiverNo receiver, bool disabled, const std::string& reason, WallTime at) {
  step_aside();
  SqlTables::set_disabled(receiver, disabled, reason, at);
}

std::vector<TargetRow> BatchTables::targets_of(TaskNo task) {
  Task* const there = known(task);
  if (there == nullptr) return SqlTables::targets_of(task);
  if (!there->targets) there->targets = SqlTables::targets_of(task);
  return *there->targets;
}

bool BatchTables::insert_target(TaskNo task, const TargetRow& target) {
  if (Task* const there = known(task)) there->targets.reset();
  return SqlTables::insert_target(task, target);
}

EventNo BatchTables::insert_event(TaskNo task, const CommittedEvent& event) {
  CommittedEvent numbered = event;
  numbered.no = -++events_;
  sheets_.insert(task, numbered, self_);
  return numbered.no;
}

bool BatchTables::was_told(const TaskRow& task, EventType type) {
  write();
  return SqlTables::was_told(task, type);
}

std::optional<FinalEvent> BatchTables::final_event(const TaskRow& task) {
  write();
  return SqlTables::final_event(task);
}

bool BatchTables::has_body(EventNo event, BodyFormat format) {
  const bool came_now = event < 0;
  return bodies_.contains({event, format}) || (!came_now && SqlTables::has_body(event, format));
}

void BatchTables::insert_body(EventNo event, BodyFormat format, const std::string& body) {
  sheets_.bodies.add(event, format, body);
  bodies_[{event, format}] = true;
}

DeliveryNo BatchTables::insert_delivery(const NewDelivery& delivery) {
  if (delivery_numbers_.list.empty()) {
    take_in_numbers(db_.exec("SELECT nextval('deliveries_no_seq') FROM generate_series(1, 500)", {}),
                    delivery_numbers_);
  }
  NewDelivery numbered = delivery;
  numbered.record.no = delivery_numbers_.take();
  const bool alone = numbered.record.task == 0;
  sheets_.insert(numbered, alone ? std::optional(self_) : std::nullopt);
  if (numbered.record.state == DeliveryState::held) held_[numbered.receiver] = true;
  return numbered.record.no;
}

std::optional<DeliveryRecord> BatchTables::find_delivery(DeliveryNo no) {
  write();
  return SqlTables::find_delivery(no);
}

bool BatchTables::update_delivery(const change::Delivery& change) {
  const auto found = deliveries_.find(change.no);
  if (found == deliveries_.end()) return false;
  found->second.update = change;
  found->second.update->result.reset();
  if (found->second.held || change.state == DeliveryState::held) held_.clear();  // it may be otherwise now
  found->second.held = change.state == DeliveryState::held;
  return true;
}

void BatchTables::restart_delivery(DeliveryNo no, DeliveryState state, WallTime due, const std::string& reason) {
  deliveries_[no].update = change::Delivery{no, state, 0, due, std::nullopt, reason};
  held_.clear();
}

void BatchTables::insert_attempt(DeliveryNo no, const SendResult& result) {
  sheets_.insert(no, ++deliveries_[no].attempts, result);
}

std::vector<DeliveryRecord> BatchTables::matching(const change::Replay& change, std::optional<ReceiverNo> receiver,
                                                  std::size_t most) {
  write();
  return SqlTables::matching(change, receiver, most);
}

bool BatchTables::any_held(ReceiverNo receiver) {
  const auto found = held_.find(receiver);
  if (found != held_.end()) return found->second;
  write();
  return held_[receiver] = SqlTables::any_held(receiver);
}

std::vector<DeliveryRecord> BatchTables::held_of(ReceiverNo receiver, std::size_t most) {
  write();
  return SqlTables::held_of(receiver, most);
}

void BatchTables::hold_pending(ReceiverNo receiver, const std::string& reason) {
  step_aside();
  SqlTables::hold_pending(receiver, reason);
}

// Of two that have the first lessons of a gateway, one waits for the other.
std::string BatchTables::learned(const std::string& gateway, bool to_change) {
  while (to_change) {
    Query row(db_, "SELECT state FROM learned WHERE gateway = ? FOR NO KEY UPDATE", gateway);
    if (row.next()) return row.text(0);
    db_.run("INSERT INTO learned(gateway, state) VALUES (?, '') ON CONFLICT(gateway) DO NOTHING", gateway);
  }
  return SqlTables::learned(gateway, to_change);
}

}  // namespace mjwatchd::store::postgres

#include "daemon/store/sql_tables.hpp"

#include "daemon/store/delivery_row.hpp"
#include "daemon/store/filter.hpp"
#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/sqlite.hpp"
#include "daemon/store/stored_json.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::int64_t kAttemptsKept = 50;  ///< of one delivery: the first and the last ones

bool succeeded(const SendResult& result) { return result.http_status >= 200 && result.http_status < 300; }

}  // namespace

template <typename Db>
std::optional<TaskRow> SqlTables<Db>::find_task(const TaskKey& key) {
  Query row(db_, "SELECT " MJWATCHD_TASK_COLUMNS " FROM tasks WHERE id = ? AND gateway = ?", key.id, key.gateway);
  if (!row.next()) return std::nullopt;
  return read_task(row);
}

template <typename Db>
TaskTexts SqlTables<Db>::load_texts(TaskNo task) {
  TaskTexts texts;
  Query row(db_, "SELECT given, metadata, object, images FROM task_texts WHERE task = ?", task);
  if (!row.next()) return texts;
  texts.given = row.text(0);
  texts.metadata = row.text(1);
  texts.object = row.text(2);
  texts.images = decode_images(row.text(3));
  return texts;
}

template <typename Db>
void SqlTables<Db>::insert_task(TaskRow& row, const TaskTexts& texts) {
  const TaskRecord& r = row.record;
  db_.run(
      "INSERT OR FAIL INTO tasks(gateway, id, phase, status, previous, ending, action, progress, digest, save, seed, "
      "stalled, registered_at, expire_at, changed_at, submitted_at, started_at, finished_at, success_at, ended_at, "
      "link_expires_at, sequence, events, listed) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      r.key.gateway, r.key.id, r.phase, r.status, row.previous, row.ending, r.action, r.progress, r.digest, r.save,
      r.seed, r.stalled, r.registered_at, r.expire_at, r.changed_at, r.submitted_at, r.started_at, row.finished_at,
      r.success_at, row.ended_at, r.link_expires_at, row.sequence, row.events, row.listed);
  row.no = db_.last_row();
  db_.run("INSERT INTO task_texts(task, given, metadata, object, images) VALUES (?,?,?,?,?)", row.no, texts.given,
          texts.metadata, texts.object, encode_images(texts.images));
}

template <typename Db>
void SqlTables<Db>::update_task(const TaskRow& row) {
  const TaskRecord& r = row.record;
  db_.run(
      "UPDATE OR FAIL tasks SET phase = ?, status = ?, previous = ?, ending = ?, action = ?, progress = ?, digest = ?, "
      "stalled = ?, changed_at = ?, submitted_at = ?, started_at = ?, finished_at = ?, success_at = ?, ended_at = ?, "
      "link_expires_at = ?, sequence = ? WHERE no = ?",
      r.phase, r.status, row.previous, row.ending, r.action, r.progress, r.digest, r.stalled, r.changed_at,
      r.submitted_at, r.started_at, row.finished_at, r.success_at, row.ended_at, r.link_expires_at, row.sequence,
      row.no);
}

template <typename Db>
void SqlTables<Db>::update_texts(TaskNo task, const TaskTexts& texts) {
  db_.run("UPDATE task_texts SET object = ?, images = ? WHERE task = ?", texts.object, encode_images(texts.images),
          task);
}

template <typename Db>
void SqlTables<Db>::remove_task(TaskNo task) {
  db_.run("DELETE FROM tasks WHERE no = ?", task);
  db_.run("DELETE FROM task_texts WHERE task = ?", task);
  db_.run(
      "DELETE FROM targets WHERE task = ? AND NOT EXISTS "
      "(SELECT 1 FROM deliveries WHERE deliveries.target = targets.no)",
      task);
}

template <typename Db>
std::optional<ReceiverRow> SqlTables<Db>::find_receiver(const std::string& name) {
  Query row(db_, "SELECT no, name, grp, disabled FROM receivers WHERE name = ?", name);
  if (!row.next()) return std::nullopt;
  return ReceiverRow{row.integer(0), {row.text(1), row.text(2)}, row.integer(3) != 0};
}

template <typename Db>
ReceiverRow SqlTables<Db>::insert_receiver(const ReceiverRef& ref, WallTime at) {
  db_.run("INSERT INTO receivers(name, grp, disabled, reason, changed_at) VALUES (?,?,0,'',?)", ref.name, ref.group,
          at);
  return {db_.last_row(), ref, false};
}

template <typename Db>
void SqlTables<Db>::set_group(ReceiverNo receiver, const std::string& group) {
  db_.run("UPDATE receivers SET grp = ? WHERE no = ?", group, receiver);
}

template <typename Db>
void SqlTables<Db>::set_disabled(ReceiverNo receiver, bool disabled, const std::string& reason, WallTime at) {
  db_.run("UPDATE receivers SET disabled = ?, reason = ?, changed_at = ?, failing_since = NULL WHERE no = ?", disabled,
          reason, at, receiver);
}

template <typename Db>
bool SqlTables<Db>::set_failing(const std::string& name, std::optional<WallTime> since) {
  db_.run("UPDATE receivers SET failing_since = ? WHERE name = ?", since, name);
  return db_.changed() != 0;
}

template <typename Db>
std::vector<TargetRow> SqlTables<Db>::targets_of(TaskNo task) {
  std::vector<TargetRow> list;
  Query row(db_,
            "SELECT targets.no, receivers.no, name, grp, disabled, url, secret, events, format FROM targets "
            "JOIN receivers ON receivers.no = targets.receiver WHERE task = ? ORDER BY targets.no",
            task);
  while (row.next()) {
    TargetRow target;
    target.no = row.integer(0);
    target.receiver = {row.integer(1), {row.text(2), row.text(3)}, row.integer(4) != 0};
    target.url = row.text(5);
    target.secret = row.text(6);
    target.events = row.template maybe<EventMask>(7);
    target.format = row.template as<BodyFormat>(8);
    list.push_back(std::move(target));
  }
  return list;
}

template <typename Db>
bool SqlTables<Db>::insert_target(TaskNo task, const TargetRow& target) {
  db_.run(
      "INSERT INTO targets(task, receiver, url, secret, events, format) VALUES (?,?,?,?,?,?) "
      "ON CONFLICT(task, receiver) DO NOTHING",
      task, target.receiver.no, target.url, Blob{target.secret}, target.events, target.format);
  return db_.changed() != 0;
}

template <typename Db>
EventNo SqlTables<Db>::insert_event(TaskNo task, const CommittedEvent& event) {
  db_.run("INSERT INTO events(task, gateway, id, type, sequence, at, webhook_id, body) VALUES (?,?,?,?,?,?,?,?)", task,
          event.key.gateway, event.key.id, event.type, event.sequence, event.at, event.webhook_id, *event.body);
  return db_.last_row();
}

template <typename Db>
bool SqlTables<Db>::was_told(const TaskRow& task, EventType type) {
  return db_.number("SELECT count(*) FROM events WHERE id = ? AND gateway = ? AND task = ? AND type = ?",
                    task.record.key.id, task.record.key.gateway, task.no, type) > 0;
}

template <typename Db>
std::optional<FinalEvent> SqlTables<Db>::final_event(const TaskRow& task) {
  Query row(db_,
            "SELECT no, type, sequence, at, webhook_id FROM events WHERE id = ? AND gateway = ? AND task = ? "
            "AND type IN (?,?,?,?,?) ORDER BY no DESC LIMIT 1",
            task.record.key.id, task.record.key.gateway, task.no, EventType::succeeded, EventType::failed,
            EventType::cancelled, EventType::expired, EventType::lost);
  if (!row.next()) return std::nullopt;
  return FinalEvent{row.integer(0), row.template as<EventType>(1), row.template as<std::uint32_t>(2), row.time(3),
                    row.text(4)};
}

template <typename Db>
bool SqlTables<Db>::has_body(EventNo event, BodyFormat format) {
  return db_.number("SELECT 1 FROM bodies WHERE event = ? AND format = ?", event, format) != 0;
}

template <typename Db>
void SqlTables<Db>::insert_body(EventNo event, BodyFormat format, const std::string& body) {
  db_.run("INSERT INTO bodies(event, format, body) VALUES (?,?,?)", event, format, body);
}

template <typename Db>
DeliveryNo SqlTables<Db>::insert_delivery(const NewDelivery& delivery) {
  const DeliveryRecord& r = delivery.record;
  db_.run(
      "INSERT OR FAIL INTO deliveries(event, receiver, target, format, state, attempts, due, reason, created_at, task, "
      "sequence, type) VALUES (?,?,?,?,?,0,?,?,?,?,?,?)",
      r.event, delivery.receiver, delivery.target, delivery.format, r.state, r.due, delivery.reason, delivery.at,
      r.task, r.sequence, r.type);
  return db_.last_row();
}

template <typename Db>
std::optional<DeliveryRecord> SqlTables<Db>::find_delivery(DeliveryNo no) {
  Query row(db_, "SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES " WHERE deliveries.no = ?", no);
  if (!row.next()) return std::nullopt;
  return read_delivery(row);
}

template <typename Db>
bool SqlTables<Db>::update_delivery(const change::Delivery& change) {
  db_.run("UPDATE OR FAIL deliveries SET state = ?, attempts = ?, due = ?, reason = ? WHERE no = ?", change.state,
          change.attempts, change.due, change.reason, change.no);
  return db_.changed() != 0;
}

template <typename Db>
void SqlTables<Db>::restart_delivery(DeliveryNo no, DeliveryState state, WallTime due, const std::string& reason) {
  db_.run("UPDATE deliveries SET state = ?, attempts = 0, due = ?, reason = ? WHERE no = ?", state, due, reason, no);
}

/// False when there is one of that number.
template <typename Db>
bool SqlTables<Db>::add_attempt(DeliveryNo no, std::int64_t number, const SendResult& result) {
  std::optional<std::int64_t> retry_after;
  if (result.retry_after) retry_after = result.retry_after->count();
  db_.run(
      "INSERT INTO attempts(delivery, number, http_status, fault, retry_after, detail, answer, started_at, dns, "
      "connect, tls, first_byte, total) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
      no, number, result.http_status, result.fault, retry_after, result.detail,
      succeeded(result) ? std::string_view() : std::string_view(result.answer), result.started_at, result.dns.count(),
      result.connect.count(), result.tls.count(), result.first_byte.count(), result.total.count());
  return db_.changed() != 0;
}

// What the receiver answered is kept of the first and of the last failure.
template <typename Db>
void SqlTables<Db>::insert_attempt(DeliveryNo no, const SendResult& result) {
  if (add_attempt(no, 1, result)) return;  // most arrive at once
  const std::int64_t number = db_.number("SELECT max(number) FROM attempts WHERE delivery = ?", no) + 1;
  if (!succeeded(result)) {
    db_.run(
        "UPDATE attempts SET answer = '' WHERE delivery = ?1 AND answer <> '' AND number > "
        "(SELECT min(number) FROM attempts WHERE delivery = ?1 AND NOT (http_status BETWEEN 200 AND 299))",
        no);
  }
  (void)add_attempt(no, number, result);
  if (number > kAttemptsKept) {
    db_.run("DELETE FROM attempts WHERE delivery = ? AND number > 1 AND number <= ?", no, number - kAttemptsKept + 1);
  }
}

template <typename Db>
std::vector<DeliveryRecord> SqlTables<Db>::matching(const change::Replay& change, std::optional<ReceiverNo> receiver,
                                                    std::size_t most) {
  Filter filter;
  if (receiver) filter.add("deliveries.receiver = ?", *receiver);
  filter.add(change.state ? "deliveries.state = ?" : "deliveries.state <> ?",
             static_cast<std::int64_t>(change.state.value_or(DeliveryState::pending)));
  if (change.state && *change.state != DeliveryState::delivered) filter.add(MJWATCHD_OPEN);
  if (change.since) filter.add("deliveries.created_at >= ?", change.since->time_since_epoch().count());
  if (change.until) filter.add("deliveries.created_at < ?", change.until->time_since_epoch().count());
  Query row(db_, "SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES + filter.where() +
                     " ORDER BY deliveries.no LIMIT ?");
  row.bind(filter.bind(row) + 1, most);
  std::vector<DeliveryRecord> list;
  while (row.next()) list.push_back(read_delivery(row));
  return list;
}

template <typename Db>
bool SqlTables<Db>::any_held(ReceiverNo receiver) {
  return db_.number("SELECT 1 FROM deliveries WHERE " MJWATCHD_OPEN " AND receiver = ? AND state = ? LIMIT 1", receiver,
                    DeliveryState::held) != 0;
}

template <typename Db>
std::vector<DeliveryRecord> SqlTables<Db>::held_of(ReceiverNo receiver, std::size_t most) {
  Query row(db_,
            "SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES " WHERE " MJWATCHD_OPEN
            " AND deliveries.receiver = ? AND deliveries.state = ? ORDER BY deliveries.no LIMIT ?",
            receiver, DeliveryState::held, most);
  std::vector<DeliveryRecord> list;
  while (row.next()) list.push_back(read_delivery(row));
  return list;
}

template <typename Db>
void SqlTables<Db>::hold_pending(ReceiverNo receiver, const std::string& reason) {
  db_.run("UPDATE deliveries SET state = ?, reason = ? WHERE " MJWATCHD_OPEN " AND receiver = ? AND state = ?",
          DeliveryState::held, reason, receiver, DeliveryState::pending);
}

template <typename Db>
std::string SqlTables<Db>::learned(const std::string& gateway, bool) {
  Query row(db_, "SELECT state FROM learned WHERE gateway = ?", gateway);
  return row.next() ? row.text(0) : std::string();
}

template <typename Db>
void SqlTables<Db>::learn(const std::string& gateway, const std::string& state) {
  db_.run("INSERT INTO learned(gateway, state) VALUES (?,?) ON CONFLICT(gateway) DO UPDATE SET state = excluded.state",
          gateway, state);
}

template class SqlTables<Connection>;
template class SqlTables<postgres::Connection>;

}  // namespace mjwatchd::store

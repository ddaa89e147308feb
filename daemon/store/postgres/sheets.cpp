#include "daemon/store/postgres/sheets.hpp"

#include "daemon/store/stored_json.hpp"

/// The number before the first event of this transaction, which keeps the row locked.
#define MJWATCHD_BEFORE "(SELECT value - ?::bigint AS before FROM meta WHERE name = 'events') AS m"

/// An event's number: one below 0 is counted from there.
#define MJWATCHD_EVENT "CASE WHEN event < 0 THEN before - event ELSE event END"

namespace mjwatchd::store::postgres {
namespace {

constexpr std::int64_t kAttemptsKept = 50;  ///< of one delivery: the first and the last ones

bool succeeded(const SendResult& result) { return result.http_status >= 200 && result.http_status < 300; }

}  // namespace

Sheets::Sheets()
    : bodies(
          "INSERT INTO bodies(event, format, body) SELECT " MJWATCHD_EVENT
          ", format, body FROM unnest(?::bigint[], ?::bigint[], ?::text[]) AS u(event, format, body), " MJWATCHD_BEFORE,
          "nnt"),
      new_tasks_(
          "INSERT INTO tasks(no, gateway, id, phase, status, previous, ending, action, progress, digest, save, seed, "
          "stalled, registered_at, expire_at, changed_at, submitted_at, started_at, finished_at, success_at, ended_at, "
          "link_expires_at, sequence, events, listed, holder) SELECT * FROM unnest(?::bigint[], ?::text[], ?::text[], "
          "?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], "
          "?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], "
          "?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])",
          "nttnnnntnnnnnnnnnnnnnnnnnn"),
      new_texts_(
          "INSERT INTO task_texts(task, given, metadata, object, images) "
          "SELECT * FROM unnest(?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[])",
          "ntttt"),
      tasks_(
          "UPDATE tasks SET phase = u.phase, status = u.status, previous = u.previous, ending = u.ending, "
          "action = u.action, progress = u.progress, digest = u.digest, stalled = u.stalled, "
          "changed_at = u.changed_at, submitted_at = u.submitted_at, started_at = u.started_at, "
          "finished_at = u.finished_at, success_at = u.success_at, ended_at = u.ended_at, "
          "link_expires_at = u.link_expires_at, sequence = u.sequence FROM unnest(?::bigint[], ?::bigint[], "
          "?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], "
          "?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[]) AS u(no, phase, "
          "status, previous, ending, action, progress, digest, stalled, changed_at, submitted_at, started_at, "
          "finished_at, success_at, ended_at, link_expires_at, sequence) WHERE tasks.no = u.no",
          "nnnnntnnnnnnnnnnn"),
      texts_(
          "UPDATE task_texts SET object = u.object, images = u.images FROM unnest(?::bigint[], ?::text[], ?::text[]) "
          "AS u(task, object, images) WHERE task_texts.task = u.task",
          "ntt"),
      events_(
          "INSERT INTO events(no, task, gateway, id, type, sequence, at, webhook_id, body, daemon) SELECT before - no, "
          "task, gateway, id, type, sequence, at, webhook_id, body, daemon FROM "
          "unnest(?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], "
          "?::text[], ?::bigint[]) AS u(no, task, gateway, id, type, sequence, at, webhook_id, body, "
          "daemon), " MJWATCHD_BEFORE,
          "nnttnnnttn"),
      new_deliveries_(
          "INSERT INTO deliveries(no, event, receiver, target, format, state, attempts, due, reason, created_at, task, "
          "sequence, type, holder) SELECT no, " MJWATCHD_EVENT
          ", receiver, target, format, state, 0, due, reason, created_at, "
          "task, sequence, type, holder FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], "
          "?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[]) "
          "AS u(no, event, receiver, target, format, state, due, reason, created_at, task, sequence, type, "
          "holder), " MJWATCHD_BEFORE,
          "nnnnnnntnnnnn"),
      deliveries_(
          "UPDATE deliveries SET state = u.state, attempts = u.attempts, due = u.due, reason = u.reason FROM "
          "unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[]) AS u(no, state, attempts, due, "
          "reason) WHERE deliveries.no = u.no",
          "nnnnt"),
      attempts_(
          "INSERT INTO attempts(delivery, number, http_status, fault, retry_after, detail, answer, started_at, dns, "
          "connect, tls, first_byte, total) SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], "
          "?::bigint[], ?::bytea[], ?::bytea[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], "
          "?::bigint[])",
          "nnnnnbbnnnnnn"),
      // What a receiver answered is kept of the first and of the last failure.
      middle_(
          "UPDATE attempts SET answer = '' FROM unnest(?::bigint[], ?::bigint[]) AS u(delivery, number) WHERE "
          "attempts.delivery = u.delivery AND answer <> '' AND attempts.number < u.number AND attempts.number > "
          "(SELECT min(f.number) FROM attempts f WHERE f.delivery = u.delivery AND NOT (f.http_status BETWEEN 200 AND "
          "299))",
          "nn"),
      old_(
          "DELETE FROM attempts USING unnest(?::bigint[], ?::bigint[]) AS u(delivery, number) WHERE "
          "attempts.delivery = u.delivery AND attempts.number > 1 AND attempts.number <= u.number",
          "nn") {}

void Sheets::insert(const TaskRow& row, const TaskTexts& texts, DaemonNo holder) {
  const TaskRecord& r = row.record;
  new_tasks_.add(row.no, r.key.gateway, r.key.id, r.phase, r.status, row.previous, row.ending, r.action, r.progress,
                 r.digest, r.save, r.seed, r.stalled, r.registered_at, r.expire_at, r.changed_at, r.submitted_at,
                 r.started_at, row.finished_at, r.success_at, row.ended_at, r.link_expires_at, row.sequence, row.events,
                 row.listed, holder);
  new_texts_.add(row.no, texts.given, texts.metadata, texts.object, encode_images(texts.images));
}

void Sheets::update(const TaskRow& row) {
  const TaskRecord& r = row.record;
  tasks_.add(row.no, r.phase, r.status, row.previous, row.ending, r.action, r.progress, r.digest, r.stalled,
             r.changed_at, r.submitted_at, r.started_at, row.finished_at, r.success_at, row.ended_at, r.link_expires_at,
             row.sequence);
}

void Sheets::update(TaskNo task, const TaskTexts& texts) {
  texts_.add(task, texts.object, encode_images(texts.images));
}

void Sheets::insert(TaskNo task, const CommittedEvent& event, DaemonNo daemon) {
  events_.add(event.no, task, event.key.gateway, event.key.id, event.type, event.sequence, event.at, event.webhook_id,
              *event.body, daemon);
}

void Sheets::insert(const NewDelivery& delivery, std::optional<DaemonNo> holder) {
  const DeliveryRecord& r = delivery.record;
  new_deliveries_.add(r.no, r.event, delivery.receiver, delivery.target, delivery.format, r.state, r.due,
                      delivery.reason, delivery.at, r.task, r.sequence, r.type, holder);
}

void Sheets::update(const change::Delivery& change) {
  deliveries_.add(change.no, change.state, change.attempts, change.due, change.reason);
}

void Sheets::insert(DeliveryNo no, std::int64_t number, const SendResult& result) {
  std::optional<std::int64_t> retry_after;
  if (result.retry_after) retry_after = result.retry_after->count();
  attempts_.add(no, number, result.http_status, result.fault, retry_after, result.detail,
                succeeded(result) ? std::string_view() : std::string_view(result.answer), result.started_at,
                result.dns.count(), result.connect.count(), result.tls.count(), result.first_byte.count(),
                result.total.count());
  if (!succeeded(result) && number > 2) middle_.add(no, number);
  if (number > kAttemptsKept) old_.add(no, number - kAttemptsKept + 1);
}

std::vector<Connection::Statement> Sheets::take_quiet() {
  std::vector<Connection::Statement> statements;
  for (Sheet* sheet : {&new_tasks_, &new_texts_, &tasks_, &texts_, &deliveries_, &attempts_, &middle_, &old_}) {
    if (!sheet->empty()) statements.push_back(sheet->take());
  }
  return statements;
}

std::vector<Connection::Statement> Sheets::take_numbered(EventNo events) {
  std::vector<Connection::Statement> statements;
  for (Sheet* sheet : {&events_, &bodies, &new_deliveries_}) {
    if (sheet->empty()) continue;
    statements.push_back(sheet->take());
    statements.back().values.emplace_back(events);
  }
  return statements;
}

}  // namespace mjwatchd::store::postgres

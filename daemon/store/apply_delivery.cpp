// What came of a delivery, and sending it again.
#include "daemon/store/event_row.hpp"
#include "daemon/store/filter.hpp"
#include "daemon/store/transaction.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::int64_t kAttemptsKept = 50;  ///< of one delivery: the first and the last ones
constexpr std::size_t kReplayedAtOnce = 100'000;

bool succeeded(const SendResult& result) { return result.http_status >= 200 && result.http_status < 300; }

/// What the receiver answered is kept of the first and of the last failure.
void forget_middle_answer(Connection& db, DeliveryNo no) {
  db.run(
      "UPDATE attempts SET answer = '' WHERE delivery = ?1 AND answer <> '' AND number > "
      "(SELECT min(number) FROM attempts WHERE delivery = ?1 AND NOT (http_status BETWEEN 200 AND 299))",
      no);
}

void record_attempt(Connection& db, DeliveryNo no, const SendResult& result) {
  const std::int64_t number = db.number("SELECT max(number) FROM attempts WHERE delivery = ?", no) + 1;
  if (!succeeded(result)) forget_middle_answer(db, no);
  std::optional<std::int64_t> retry_after;
  if (result.retry_after) retry_after = result.retry_after->count();
  db.run(
      "INSERT INTO attempts(delivery, number, http_status, fault, retry_after, detail, answer, started_at, dns, "
      "connect, tls, first_byte, total) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
      no, number, result.http_status, result.fault, retry_after, result.detail,
      succeeded(result) ? std::string_view() : std::string_view(result.answer), result.started_at, result.dns.count(),
      result.connect.count(), result.tls.count(), result.first_byte.count(), result.total.count());
  if (number > kAttemptsKept) {
    db.run("DELETE FROM attempts WHERE delivery = ? AND number > 1 AND number <= ?", no, number - kAttemptsKept + 1);
  }
}

/// Begins a new round of attempts. What can't go now is held, and what is held already is no news.
void send_again(Transaction& in, DeliveryRecord& record, WallTime at, CommitResult& result) {
  const bool was_held = record.state == DeliveryState::held;
  const auto receiver = find_receiver(in.db, record.receiver.name);
  std::string held;
  if (receiver && receiver->disabled) held = "its receiver is disabled";
  if (held.empty() && !record.receiver.name.starts_with("url:") && !in.rules.endpoints.contains(record.receiver.name)) {
    held = "its endpoint is not in the configuration";
  }
  record.state = held.empty() ? DeliveryState::pending : DeliveryState::held;
  record.attempts = 0;
  record.due = at;
  in.db.run("UPDATE deliveries SET state = ?, attempts = 0, due = ?, reason = ? WHERE no = ?", record.state, at, held,
            record.no);
  if (!(was_held && record.state == DeliveryState::held)) result.deliveries.push_back(record);
}

CommitResult replay_one(Transaction& in, const change::Replay& change) {
  std::optional<DeliveryRecord> record;
  {
    Query row(in.db, "SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES " WHERE deliveries.no = ?",
              change.no);
    if (row.next()) record = read_delivery(row);
  }
  if (!record) return only(CommitResult::Code::missing, "there is no such delivery");
  CommitResult result;
  result.code = CommitResult::Code::done;
  send_again(in, *record, change.at, result);
  return result;
}

/// The deliveries a range means, oldest first.
std::vector<DeliveryRecord> matching(Transaction& in, const change::Replay& change,
                                     const std::optional<ReceiverRow>& receiver) {
  Filter filter;
  if (receiver) filter.add("deliveries.receiver = ?", receiver->no);
  filter.add(change.state ? "deliveries.state = ?" : "deliveries.state <> ?",
             static_cast<std::int64_t>(change.state.value_or(DeliveryState::pending)));
  if (change.since) filter.add("deliveries.created_at >= ?", change.since->time_since_epoch().count());
  if (change.until) filter.add("deliveries.created_at < ?", change.until->time_since_epoch().count());
  Query row(in.db, "SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES + filter.where() +
                       " ORDER BY deliveries.no LIMIT ?");
  row.bind(filter.bind(row) + 1, kReplayedAtOnce);
  std::vector<DeliveryRecord> list;
  while (row.next()) list.push_back(read_delivery(row));
  return list;
}

}  // namespace

CommitResult apply(Transaction& in, const change::Delivery& change) {
  in.db.run("UPDATE OR FAIL deliveries SET state = ?, attempts = ?, due = ?, reason = ? WHERE no = ?", change.state,
            change.attempts, change.due, change.reason, change.no);
  if (in.db.changed() == 0) return only(CommitResult::Code::missing);
  if (change.result) record_attempt(in.db, change.no, *change.result);
  return only(CommitResult::Code::done);
}

CommitResult apply(Transaction& in, const change::Replay& change) {
  if (change.no) return replay_one(in, change);
  std::optional<ReceiverRow> receiver;
  if (!change.endpoint.empty()) {
    receiver = find_receiver(in.db, change.endpoint);
    if (!receiver && !in.rules.endpoints.contains(change.endpoint)) {
      return only(CommitResult::Code::missing, "there is no endpoint " + change.endpoint);
    }
    if (!receiver) return only(CommitResult::Code::done);  // nothing was ever for it
  }
  CommitResult result;
  result.code = CommitResult::Code::done;
  auto list = matching(in, change, receiver);
  for (DeliveryRecord& record : list) send_again(in, record, change.at, result);
  if (list.size() == kReplayedAtOnce) {
    result.detail = "the oldest " + std::to_string(kReplayedAtOnce) + " were taken; ask again for the rest";
  }
  return result;
}

}  // namespace mjwatchd::store

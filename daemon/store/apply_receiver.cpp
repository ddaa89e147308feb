// Receivers that come, go and come back.
#include <algorithm>

#include "daemon/store/event_row.hpp"
#include "daemon/store/transaction.hpp"
#include "daemon/webhooks/receiver.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::int64_t kReceiversOfATask = 100;
/// So many come back at a time; one of the rest is answered as held, on which the core asks again.
constexpr std::size_t kRevivedAtOnce = 20'000;

std::vector<DeliveryRecord> held_of(Connection& db, ReceiverNo receiver, std::size_t most) {
  std::vector<DeliveryRecord> list;
  Query row(db,
            "SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES
            " WHERE deliveries.receiver = ? AND deliveries.state = ? ORDER BY deliveries.no LIMIT ?",
            receiver, DeliveryState::held, most);
  while (row.next()) list.push_back(read_delivery(row));
  return list;
}

void revive(Transaction& in, ReceiverNo receiver, WallTime at, CommitResult& result) {
  auto list = held_of(in.db, receiver, kRevivedAtOnce + 1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    DeliveryRecord& record = list[i];
    if (i < kRevivedAtOnce) {
      record.state = DeliveryState::pending;
      record.attempts = 0;
      record.due = at;
      in.db.run("UPDATE deliveries SET state = ?, attempts = 0, due = ?, reason = '' WHERE no = ?", record.state, at,
                record.no);
    }
    result.deliveries.push_back(std::move(record));
  }
}

/// What a task was told at its end; nothing before that, or when it is no longer kept.
struct FinalEvent {
  EventNo no = 0;
  EventType type = EventType::lost;
  std::uint32_t sequence = 0;
  WallTime at{};
  std::string webhook_id;
};

std::optional<FinalEvent> final_event(Connection& db, const TaskRow& task) {
  Query row(db,
            "SELECT no, type, sequence, at, webhook_id FROM events WHERE id = ? AND gateway = ? AND task = ? "
            "AND type IN (?,?,?,?,?) ORDER BY no DESC LIMIT 1",
            task.record.key.id, task.record.key.gateway, task.no, EventType::succeeded, EventType::failed,
            EventType::cancelled, EventType::expired, EventType::lost);
  if (!row.next()) return std::nullopt;
  return FinalEvent{row.integer(0), row.as<EventType>(1), row.as<std::uint32_t>(2), row.time(3), row.text(4)};
}

void send_final_event(Transaction& in, const TaskRow& task, const std::string& receiver, WallTime at,
                      CommitResult& result) {
  const auto event = final_event(in.db, task);
  if (!event) return;
  for (const Subscriber& one : subscribers(in, task, at)) {
    if (one.receiver.ref.name != receiver || (one.events & mask_of(event->type)) == 0) continue;
    EventFacts facts = facts_of(task, load_texts(in.db, task.no));
    facts.type = event->type;
    facts.at = event->at;
    facts.sequence = event->sequence;
    facts.webhook_id = event->webhook_id;
    add_delivery(in, event->no, task.no, facts, one, result);
  }
  for (DeliveryRecord& record : result.deliveries) record.due = at;
}

/// Nothing when the task has no such receiver; else whether it was given alike.
std::optional<bool> given_alike(Transaction& in, const TaskRow& task, const WebhookTarget& target,
                                const std::string& name) {
  Query row(in.db,
            "SELECT secret, events, url FROM targets JOIN receivers ON receivers.no = targets.receiver "
            "WHERE task = ? AND name = ?",
            task.no, name);
  if (row.next()) {
    const std::string sealed = row.text(0);
    std::optional<std::string> secret = std::string();
    if (!sealed.empty()) secret = in.secrets.open(sealed, secret_context(task.record.key, row.text(2)));
    return secret == target.secret && row.maybe<EventMask>(1) == target.events;
  }
  const auto& list = in.rules.default_list;
  const bool by_default = !task.listed && std::find(list.begin(), list.end(), target.endpoint) != list.end();
  if (by_default) return !target.events;
  return std::nullopt;
}

}  // namespace

CommitResult apply(Transaction& in, const change::AddReceiver& change) {
  const auto task = find_task(in.db, change.key);
  if (!task) return only(CommitResult::Code::missing, "there is no such task");
  const std::string name = webhooks::receiver_of(change.target).name;
  if (const auto alike = given_alike(in, *task, change.target, name)) {
    CommitResult there = *alike ? only(CommitResult::Code::existing)
                                : only(CommitResult::Code::conflict,
                                       "webhooks: the task has this receiver already, with another secret or events");
    there.task = task->record;
    return there;
  }
  if (in.db.number("SELECT count(*) FROM targets WHERE task = ?", task->no) >= kReceiversOfATask) {
    return only(CommitResult::Code::conflict, "webhooks: the task has " + std::to_string(kReceiversOfATask) +
                                                  " receivers already, no more are taken");
  }
  CommitResult result;
  result.code = CommitResult::Code::done;
  result.task = task->record;
  static_cast<void>(insert_target(in, *task, change.target, change.at));
  if (task->ending != Ending::none) send_final_event(in, *task, name, change.at, result);
  return result;
}

CommitResult apply(Transaction& in, const change::Receiver& change) {
  const bool url = change.name.starts_with("url:");
  auto receiver = find_receiver(in.db, change.name);
  if (!receiver) {
    if (!url && !in.rules.endpoints.contains(change.name)) {
      return only(CommitResult::Code::missing, "there is no endpoint " + change.name);
    }
    receiver = receiver_row(in.db, {change.name, url ? std::string() : change.name}, change.at);
  }
  CommitResult result;
  result.code = CommitResult::Code::done;
  in.db.run("UPDATE receivers SET disabled = ?, reason = ?, changed_at = ?, failing_since = NULL WHERE no = ?",
            change.disabled, change.reason, change.at, receiver->no);
  if (change.disabled) {
    in.db.run("UPDATE deliveries SET state = ?, reason = ? WHERE receiver = ? AND state = ?", DeliveryState::held,
              change.reason.empty() ? "its receiver is disabled" : change.reason, receiver->no, DeliveryState::pending);
  } else {
    revive(in, receiver->no, change.at, result);
  }
  return result;
}

CommitResult apply(Transaction& in, const change::Failing& change) {
  in.db.run("UPDATE receivers SET failing_since = ? WHERE name = ?", change.since, change.endpoint);
  return only(in.db.changed() != 0 ? CommitResult::Code::done : CommitResult::Code::missing);
}

CommitResult apply(Transaction& in, const change::Test& change) {
  if (!in.rules.endpoints.contains(change.endpoint)) {
    return only(CommitResult::Code::missing, "there is no endpoint " + change.endpoint);
  }
  CommitResult result;
  result.code = CommitResult::Code::done;
  EventFacts facts;
  facts.type = EventType::test;
  facts.at = change.at;
  facts.webhook_id = new_webhook_id();
  const Subscriber endpoint = endpoint_subscriber(in, change.endpoint, change.at);
  const std::vector<const Subscriber*> receivers{&endpoint};
  record_event(in, 0, facts, receivers, result);
  return result;
}

CommitResult apply(Transaction& in, const change::Learned& change) {
  in.db.run(
      "INSERT INTO learned(gateway, state) VALUES (?,?) ON CONFLICT(gateway) DO UPDATE SET state = excluded.state",
      change.gateway, change.state);
  return only(CommitResult::Code::done);
}

CommitResult apply(Transaction& in, const Change& change) {
  return std::visit([&in](const auto& kind) { return apply(in, kind); }, change);
}

}  // namespace mjwatchd::store

// Receivers that come, go and come back.
#include <algorithm>

#include "daemon/store/event_row.hpp"
#include "daemon/store/transaction.hpp"
#include "daemon/webhooks/receiver.hpp"
#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kReceiversOfATask = 100;
/// So many come back at a time; one of the rest is answered as held, on which the core asks again.
constexpr std::size_t kRevivedAtOnce = 20'000;

void revive(Transaction& in, ReceiverNo receiver, WallTime at, CommitResult& result) {
  auto list = in.tables.held_of(receiver, kRevivedAtOnce + 1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    DeliveryRecord& record = list[i];
    if (i < kRevivedAtOnce) {
      record.state = DeliveryState::pending;
      record.attempts = 0;
      record.due = at;
      record.tried_at.reset();
      in.tables.restart_delivery(record.no, record.state, at, "");
    }
    result.deliveries.push_back(std::move(record));
  }
}

void send_final_event(Transaction& in, const TaskRow& task, const std::string& receiver, WallTime at,
                      CommitResult& result) {
  const auto event = in.tables.final_event(task);
  if (!event) return;
  for (const Subscriber& one : subscribers(in, task, at)) {
    if (one.receiver.ref.name != receiver || (one.events & mask_of(event->type)) == 0) continue;
    EventFacts facts = facts_of(task, in.tables.load_texts(task.no));
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
  for (const TargetRow& there : in.tables.targets_of(task.no)) {
    if (there.receiver.ref.name != name) continue;
    std::optional<std::string> secret = std::string();
    if (!there.secret.empty()) secret = in.secrets.open(there.secret, secret_context(task.record.key, there.url));
    return secret == target.secret && there.events == target.events;
  }
  const auto& list = in.rules.default_list;
  const bool by_default = !task.listed && std::find(list.begin(), list.end(), target.endpoint) != list.end();
  if (by_default) return !target.events;
  return std::nullopt;
}

}  // namespace

CommitResult apply(Transaction& in, const change::AddReceiver& change) {
  const auto task = in.tables.find_task(change.key);
  if (!task) return only(CommitResult::Code::missing, "there is no such task");
  const std::string name = webhooks::receiver_of(change.target).name;
  if (const auto alike = given_alike(in, *task, change.target, name)) {
    CommitResult there = *alike ? only(CommitResult::Code::existing)
                                : only(CommitResult::Code::conflict,
                                       "webhooks: the task has this receiver already, with another secret or events");
    there.task = task->record;
    return there;
  }
  if (in.tables.targets_of(task->no).size() >= kReceiversOfATask) {
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
  auto receiver = in.tables.find_receiver(change.name);
  if (!receiver) {
    if (!url && !in.rules.endpoints.contains(change.name)) {
      return only(CommitResult::Code::missing, "there is no endpoint " + change.name);
    }
    receiver = receiver_row(in.tables, {change.name, url ? std::string() : change.name}, change.at);
  }
  CommitResult result;
  result.code = CommitResult::Code::done;
  in.tables.set_disabled(receiver->no, change.disabled, change.reason, change.at);
  if (change.disabled) {
    in.tables.hold_pending(receiver->no, change.reason.empty() ? "its receiver is disabled" : change.reason);
  } else {
    revive(in, receiver->no, change.at, result);
  }
  return result;
}

CommitResult apply(Transaction& in, const change::Failing& change) {
  const bool there = in.tables.set_failing(change.endpoint, change.since);
  return only(there ? CommitResult::Code::done : CommitResult::Code::missing);
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
  CommitResult result = only(CommitResult::Code::done);
  if (!change.lessons) {
    in.tables.learn(change.gateway, change.state);
    return result;
  }
  const bool some = !change.state.empty();
  result.learned = merge_learned(in.tables.learned(change.gateway, some), change.state);
  if (some) in.tables.learn(change.gateway, result.learned);
  return result;
}

CommitResult apply(Transaction& in, const Change& change) {
  return std::visit([&in](const auto& kind) { return apply(in, kind); }, change);
}

}  // namespace mjwatchd::store

#include "daemon/store/receiver_row.hpp"

#include <algorithm>

#include "daemon/webhooks/receiver.hpp"

namespace mjwatchd::store {
namespace {

bool is_url(const ReceiverRow& receiver) { return receiver.ref.name.starts_with("url:"); }

bool known(const std::vector<Subscriber>& list, ReceiverNo receiver) {
  return std::any_of(list.begin(), list.end(), [&](const Subscriber& s) { return s.receiver.no == receiver; });
}

/// Precedence: what the target says, what the registration says, what the endpoint says.
EventMask chosen(const std::optional<EventMask>& target, const TaskRow& task, EventMask endpoint) {
  return target.value_or(task.events.value_or(endpoint));
}

void complete(Transaction& in, const TaskRow& task, const std::optional<EventMask>& own, Subscriber& subscriber) {
  const auto rules = in.rules.endpoints.find(subscriber.receiver.ref.name);
  const bool configured = rules != in.rules.endpoints.end();
  subscriber.events = chosen(own, task, configured ? rules->second.events : kUsualEvents);
  if (configured) subscriber.format = rules->second.format;
  subscriber.held = why_held(in, subscriber.receiver);
}

}  // namespace

std::optional<ReceiverRow> find_receiver(Connection& db, const std::string& name) {
  Query row(db, "SELECT no, name, grp, disabled FROM receivers WHERE name = ?", name);
  if (!row.next()) return std::nullopt;
  return ReceiverRow{row.integer(0), {row.text(1), row.text(2)}, row.integer(3) != 0};
}

ReceiverRow receiver_row(Connection& db, const ReceiverRef& ref, WallTime at) {
  if (auto found = find_receiver(db, ref.name)) {
    if (found->ref.group.empty() && !ref.group.empty()) {  // known by its name alone so far
      db.run("UPDATE receivers SET grp = ? WHERE no = ?", ref.group, found->no);
      found->ref.group = ref.group;
    }
    return *found;
  }
  db.run("INSERT INTO receivers(name, grp, disabled, reason, changed_at) VALUES (?,?,0,'',?)", ref.name, ref.group, at);
  return {db.last_row(), ref, false};
}

std::string why_held(Transaction& in, const ReceiverRow& receiver) {
  if (receiver.disabled) return "its receiver is disabled";
  if (!is_url(receiver) && !in.rules.endpoints.contains(receiver.ref.name)) {
    return "its endpoint is not in the configuration";
  }
  // Those held before go first, so that a task's events keep their order.
  const bool queue = in.db.number("SELECT 1 FROM deliveries WHERE receiver = ? AND state = ? LIMIT 1", receiver.no,
                                  DeliveryState::held) != 0;
  return queue ? "earlier ones to its receiver are held" : "";
}

std::vector<Subscriber> subscribers(Transaction& in, const TaskRow& task, WallTime at) {
  std::vector<Subscriber> list;
  Query row(in.db,
            "SELECT targets.no, receivers.no, name, grp, disabled, url, events, format FROM targets "
            "JOIN receivers ON receivers.no = targets.receiver WHERE task = ? ORDER BY targets.no",
            task.no);
  while (row.next()) {
    Subscriber subscriber;
    subscriber.receiver = {row.integer(1), {row.text(2), row.text(3)}, row.integer(4) != 0};
    if (!row.text(5).empty()) subscriber.target = row.integer(0);
    subscriber.format = row.as<BodyFormat>(7);
    complete(in, task, row.maybe<EventMask>(6), subscriber);
    list.push_back(std::move(subscriber));
  }
  if (task.listed) return list;
  for (const std::string& name : in.rules.default_list) {
    Subscriber subscriber;
    subscriber.receiver = receiver_row(in.db, {name, name}, at);
    if (known(list, subscriber.receiver.no)) continue;
    complete(in, task, std::nullopt, subscriber);
    list.push_back(std::move(subscriber));
  }
  return list;
}

Subscriber endpoint_subscriber(Transaction& in, const std::string& name, WallTime at) {
  Subscriber subscriber;
  subscriber.receiver = receiver_row(in.db, {name, name}, at);
  complete(in, TaskRow{}, std::nullopt, subscriber);
  return subscriber;
}

bool insert_target(Transaction& in, const TaskRow& task, const WebhookTarget& target, WallTime at) {
  const ReceiverRow receiver = receiver_row(in.db, webhooks::receiver_of(target), at);
  std::string sealed;
  if (!target.secret.empty()) {
    sealed = in.secrets.seal(target.secret, secret_context(task.record.key, target.url));
  }
  in.db.run(
      "INSERT INTO targets(task, receiver, url, secret, events, format) VALUES (?,?,?,?,?,?) "
      "ON CONFLICT(task, receiver) DO NOTHING",
      task.no, receiver.no, target.endpoint.empty() ? target.url : std::string(), Blob{sealed}, target.events,
      target.format);
  return in.db.changed() != 0;
}

void drop_unused_target(Connection& db, TargetNo target) {
  db.run(
      "DELETE FROM targets WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.no = targets.task) "
      "AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.target = ?1)",
      target);
}

std::string secret_context(const TaskKey& key, const std::string& url) {
  return key.gateway + "\n" + key.id + "\n" + url;  // no line feed can stand in any of them
}

}  // namespace mjwatchd::store

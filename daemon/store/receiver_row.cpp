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

ReceiverRow receiver_row(Tables& tables, const ReceiverRef& ref, WallTime at) {
  auto found = tables.find_receiver(ref.name);
  if (!found) return tables.insert_receiver(ref, at);
  if (found->ref.group.empty() && !ref.group.empty()) {  // known by its name alone so far
    tables.set_group(found->no, ref.group);
    found->ref.group = ref.group;
  }
  return *found;
}

std::string why_held(Transaction& in, const ReceiverRow& receiver) {
  if (receiver.disabled) return "its receiver is disabled";
  if (!is_url(receiver) && !in.rules.endpoints.contains(receiver.ref.name)) {
    return "its endpoint is not in the configuration";
  }
  // Those held before go first, so that a task's events keep their order.
  return in.tables.any_held(receiver.no) ? "earlier ones to its receiver are held" : "";
}

std::vector<Subscriber> subscribers(Transaction& in, const TaskRow& task, WallTime at) {
  std::vector<Subscriber> list;
  for (TargetRow& target : in.tables.targets_of(task.no)) {
    Subscriber subscriber;
    subscriber.receiver = std::move(target.receiver);
    if (!target.url.empty()) subscriber.target = target.no;
    subscriber.format = target.format;
    complete(in, task, target.events, subscriber);
    list.push_back(std::move(subscriber));
  }
  if (task.listed) return list;
  for (const std::string& name : in.rules.default_list) {
    Subscriber subscriber;
    subscriber.receiver = receiver_row(in.tables, {name, name}, at);
    if (known(list, subscriber.receiver.no)) continue;
    complete(in, task, std::nullopt, subscriber);
    list.push_back(std::move(subscriber));
  }
  return list;
}

Subscriber endpoint_subscriber(Transaction& in, const std::string& name, WallTime at) {
  Subscriber subscriber;
  subscriber.receiver = receiver_row(in.tables, {name, name}, at);
  complete(in, TaskRow{}, std::nullopt, subscriber);
  return subscriber;
}

bool insert_target(Transaction& in, const TaskRow& task, const WebhookTarget& target, WallTime at) {
  TargetRow row;
  row.receiver = receiver_row(in.tables, webhooks::receiver_of(target), at);
  if (!target.secret.empty()) {
    row.secret = in.secrets.seal(target.secret, secret_context(task.record.key, target.url));
  }
  if (target.endpoint.empty()) row.url = target.url;
  row.events = target.events;
  row.format = target.format;
  return in.tables.insert_target(task.no, row);
}

std::string secret_context(const TaskKey& key, const std::string& url) {
  return key.gateway + "\n" + key.id + "\n" + url;  // no line feed can stand in any of them
}

}  // namespace mjwatchd::store

#include "daemon/store/event_row.hpp"

#include <openssl/rand.h>

#include <array>
#include <stdexcept>

namespace mjwatchd::store {

std::string new_webhook_id() {
  std::array<unsigned char, 16> bits{};
  if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) {
    throw std::runtime_error("no random bits can be had for a webhook-id");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id = "evt_";
  for (const unsigned char byte : bits) {
    id += digits[byte >> 4U];
    id += digits[byte & 15U];
  }
  return id;
}

EventFacts facts_of(const TaskRow& task, const TaskTexts& texts) {
  EventFacts facts;
  facts.key = task.record.key;
  facts.status = task.record.status;
  facts.seen_before = task.previous.has_value();
  facts.previous_status = task.previous.value_or(Status::unknown);
  facts.metadata = texts.metadata;
  facts.images = texts.images;
  facts.object = texts.object;
  return facts;
}

void record_event(Transaction& in, TaskNo task, const EventFacts& facts, std::span<const Subscriber* const> receivers,
                  CommitResult& result) {
  CommittedEvent event;
  event.type = facts.type;
  event.key = facts.key;
  event.sequence = facts.sequence;
  event.at = facts.at;
  event.webhook_id = facts.webhook_id;
  event.body = std::make_shared<const std::string>(webhooks::render_body(BodyFormat::standard, facts));
  in.db.run("INSERT INTO events(task, gateway, id, type, sequence, at, webhook_id, body) VALUES (?,?,?,?,?,?,?,?)",
            task, facts.key.gateway, facts.key.id, facts.type, facts.sequence, facts.at, facts.webhook_id, *event.body);
  event.no = in.db.last_row();
  for (const Subscriber* receiver : receivers) add_delivery(in, event.no, task, facts, *receiver, result);
  result.events.push_back(std::move(event));
}

void add_delivery(Transaction& in, EventNo event, TaskNo task, const EventFacts& facts, const Subscriber& receiver,
                  CommitResult& result) {
  if (receiver.format != BodyFormat::standard &&
      in.db.number("SELECT 1 FROM bodies WHERE event = ? AND format = ?", event, receiver.format) == 0) {
    in.db.run("INSERT INTO bodies(event, format, body) VALUES (?,?,?)", event, receiver.format,
              webhooks::render_body(receiver.format, facts));
  }
  DeliveryRecord record;
  record.event = event;
  record.task = task;
  record.sequence = facts.sequence;
  record.type = facts.type;
  record.receiver = receiver.receiver.ref;
  record.state = receiver.held.empty() ? DeliveryState::pending : DeliveryState::held;
  record.due = facts.at;
  in.db.run(
      "INSERT OR FAIL INTO deliveries(event, receiver, target, format, state, attempts, due, reason, created_at, task, "
      "sequence, type) VALUES (?,?,?,?,?,0,?,?,?,?,?,?)",
      event, receiver.receiver.no, receiver.target, receiver.format, record.state, record.due, receiver.held, facts.at,
      record.task, record.sequence, record.type);
  record.no = in.db.last_row();
  result.deliveries.push_back(std::move(record));
}

DeliveryRecord read_delivery(const Query& row) {
  DeliveryRecord record;
  record.no = row.integer(0);
  record.event = row.integer(1);
  record.task = row.integer(2);
  record.sequence = row.as<std::uint32_t>(3);
  record.type = row.as<EventType>(4);
  record.receiver = {row.text(5), row.text(6)};
  record.state = row.as<DeliveryState>(7);
  record.attempts = row.as<std::uint32_t>(8);
  record.due = row.time(9);
  return record;
}

}  // namespace mjwatchd::store

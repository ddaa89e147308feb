#include "daemon/store/event_row.hpp"

#include <openssl/rand.h>

#include <array>
#include <stdexcept>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::store {

namespace {

using IdBits = std::array<unsigned char, 16>;

/// For many ids at once: to ask for so few bits costs more than to draw them.
IdBits random_bits() {
  constexpr std::size_t kAtOnce = 64;
  static thread_local std::array<IdBits, kAtOnce> drawn;
  static thread_local std::size_t left = 0;
  if (left == 0) {
    if (RAND_bytes(drawn.front().data(), static_cast<int>(sizeof drawn)) != 1) {
      throw std::runtime_error("no random bits can be had for a webhook-id");
    }
    left = kAtOnce;
  }
  return drawn[--left];
}

}  // namespace

std::string new_webhook_id() { return "evt_" + hex(random_bits()); }

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
  event.no = in.tables.insert_event(task, event);
  for (const Subscriber* receiver : receivers) add_delivery(in, event.no, task, facts, *receiver, result);
  result.events.push_back(std::move(event));
}

void add_delivery(Transaction& in, EventNo event, TaskNo task, const EventFacts& facts, const Subscriber& receiver,
                  CommitResult& result) {
  if (receiver.format != BodyFormat::standard && !in.tables.has_body(event, receiver.format)) {
    in.tables.insert_body(event, receiver.format, webhooks::render_body(receiver.format, facts));
  }
  NewDelivery delivery;
  DeliveryRecord& record = delivery.record;
  record.event = event;
  record.task = task;
  record.sequence = facts.sequence;
  record.type = facts.type;
  record.receiver = receiver.receiver.ref;
  record.state = receiver.held.empty() ? DeliveryState::pending : DeliveryState::held;
  record.due = facts.at;
  delivery.receiver = receiver.receiver.no;
  delivery.target = receiver.target;
  delivery.format = receiver.format;
  delivery.reason = receiver.held;
  delivery.at = facts.at;
  record.no = in.tables.insert_delivery(delivery);
  result.deliveries.push_back(std::move(record));
}

}  // namespace mjwatchd::store

// Events, their bodies and their deliveries.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "daemon/store/receiver_row.hpp"
#include "daemon/webhooks/body.hpp"

namespace mjwatchd::store {

using webhooks::EventFacts;

/// "evt_" and 128 random bits.
[[nodiscard]] std::string new_webhook_id();

/// What an event of this task says; the event's own part (type, id, time, sequence) is left to the caller.
[[nodiscard]] EventFacts facts_of(const TaskRow& task, const TaskTexts& texts);

/// Writes an event with its standard body, and a delivery for each receiver (with the body in that
/// receiver's format). Adds both to `result`.
void record_event(Transaction& in, TaskNo task, const EventFacts& facts, std::span<const Subscriber* const> receivers,
                  CommitResult& result);

/// Writes one delivery of an event that is there; `facts` are for a format it was not rendered in yet.
void add_delivery(Transaction& in, EventNo event, TaskNo task, const EventFacts& facts, const Subscriber& receiver,
                  CommitResult& result);

}  // namespace mjwatchd::store

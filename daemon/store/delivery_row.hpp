// A delivery as it stands in the table.
#pragma once

#include "mjwatchd/delivery.hpp"

namespace mjwatchd::store {

/// The columns read_delivery() reads, of `deliveries` joined with `receivers`.
#define MJWATCHD_DELIVERY_COLUMNS                                                                   \
  "deliveries.no, deliveries.event, deliveries.task, deliveries.sequence, deliveries.type, "        \
  "receivers.name, receivers.grp, deliveries.state, deliveries.attempts, deliveries.due, "          \
  "CASE WHEN deliveries.attempts > 0 THEN (SELECT a.started_at FROM attempts a WHERE a.delivery = " \
  "deliveries.no ORDER BY a.number DESC LIMIT 1) END"
#define MJWATCHD_DELIVERY_TABLES "deliveries JOIN receivers ON receivers.no = deliveries.receiver"
constexpr int kDeliveryColumns = 11;

/// In the words of SQLite's indexes on what has not arrived, which it then uses.
#define MJWATCHD_OPEN "deliveries.state <> 1"
static_assert(static_cast<int>(DeliveryState::delivered) == 1);

template <typename Query>
[[nodiscard]] DeliveryRecord read_delivery(const Query& row) {
  DeliveryRecord record;
  record.no = row.integer(0);
  record.event = row.integer(1);
  record.task = row.integer(2);
  record.sequence = row.template as<std::uint32_t>(3);
  record.type = row.template as<EventType>(4);
  record.receiver = {row.text(5), row.text(6)};
  record.state = row.template as<DeliveryState>(7);
  record.attempts = row.template as<std::uint32_t>(8);
  record.due = row.time(9);
  record.tried_at = row.template maybe<WallTime>(10);
  return record;
}

}  // namespace mjwatchd::store

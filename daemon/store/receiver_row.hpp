// Receivers, and which of them a task's events go to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/store/transaction.hpp"

namespace mjwatchd::store {

/// What a receiver of a URL hears when neither it nor the registration says: the same as a
/// configured endpoint that names no events.
constexpr EventMask kUsualEvents = mask_of(EventType::succeeded) | mask_of(EventType::failed) |
                                   mask_of(EventType::cancelled) | mask_of(EventType::modal) |
                                   mask_of(EventType::images) | mask_of(EventType::expired) | mask_of(EventType::lost);

/// Makes it if there is none of the name.
[[nodiscard]] ReceiverRow receiver_row(Tables& tables, const ReceiverRef& ref, WallTime at);

/// A receiver of one task, as its deliveries need it.
struct Subscriber {
  ReceiverRow receiver;
  std::optional<TargetNo> target;  ///< of a URL
  BodyFormat format = BodyFormat::standard;
  EventMask events = 0;
  std::string held;  ///< why its deliveries are held from the start; empty: they are not
};

/// Everyone who may hear of the task's events, each receiver once.
[[nodiscard]] std::vector<Subscriber> subscribers(Transaction& in, const TaskRow& task, WallTime at);
/// A configured endpoint by itself, whatever its events; it is in the rules.
[[nodiscard]] Subscriber endpoint_subscriber(Transaction& in, const std::string& name, WallTime at);
/// Why deliveries to a receiver can't go now; empty when they can.
[[nodiscard]] std::string why_held(Transaction& in, const ReceiverRow& receiver);

/// Writes a receiver of a task; false when the task has it already.
[[nodiscard]] bool insert_target(Transaction& in, const TaskRow& task, const WebhookTarget& target, WallTime at);
/// What a target's secret is bound to when it is sealed.
[[nodiscard]] std::string secret_context(const TaskKey& key, const std::string& url);

}  // namespace mjwatchd::store

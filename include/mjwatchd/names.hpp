// The words users read and write for the enumerations.
#pragma once

#include <optional>
#include <string_view>

#include "mjwatchd/delivery.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// "SUCCESS", "IN_PROGRESS", …; "UNKNOWN" for Status::unknown.
[[nodiscard]] std::string_view name(Status status);
/// "watching", "saving", "late", "done".
[[nodiscard]] std::string_view name(Phase phase);
/// "succeeded", "failed", …; "none" while a task has not ended.
[[nodiscard]] std::string_view name(Ending ending);
/// "task.succeeded", …, "webhook.test".
[[nodiscard]] std::string_view name(EventType type);
[[nodiscard]] std::string_view name(SaveMode mode);
/// "standard", "cloudevents", "notify-hook".
[[nodiscard]] std::string_view name(BodyFormat format);
[[nodiscard]] std::string_view name(DeliveryState state);
/// "dns", "connect", …; "" for SendFault::none.
[[nodiscard]] std::string_view name(SendFault fault);

/// Exactly the words above; nothing for any other.
[[nodiscard]] std::optional<Status> parse_status(std::string_view word);
[[nodiscard]] std::optional<Ending> parse_ending(std::string_view word);
[[nodiscard]] std::optional<EventType> parse_event_type(std::string_view word);
[[nodiscard]] std::optional<SaveMode> parse_save_mode(std::string_view word);
[[nodiscard]] std::optional<BodyFormat> parse_body_format(std::string_view word);
[[nodiscard]] std::optional<DeliveryState> parse_delivery_state(std::string_view word);

/// The event that tells of an ending; there is none for Ending::none.
[[nodiscard]] EventType event_of(Ending ending);

}  // namespace mjwatchd

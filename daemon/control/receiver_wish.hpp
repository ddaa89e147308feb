// The receivers and event filters of a registration.
#pragma once

#include <string>
#include <vector>

#include "daemon/control/registration.hpp"

namespace mjwatchd::control {

/// A receiver and how it is kept to be compared: canonical JSON, its secret as "sha256:<hex>".
struct ReceiverWish {
  WebhookTarget target;
  std::string given;
};

/// Each decodes the value at `where`, asking `desk` what is configured and allowed.
[[nodiscard]] Decoded<ReceiverWish> decode_receiver_wish(const Json& value, const std::string& where, const Desk& desk);
[[nodiscard]] Decoded<std::vector<ReceiverWish>> decode_receiver_wishes(const Json& value, const std::string& where,
                                                                        const Desk& desk);
[[nodiscard]] Decoded<EventMask> decode_events(const Json& value, const std::string& where);

/// The event types a receiver can subscribe to.
[[nodiscard]] const std::vector<std::string>& event_names();

/// "is not a known key (allowed: …); did you mean X?" for the first key that is none of `allowed`.
[[nodiscard]] std::optional<Refusal> refuse_keys(const Json& object, const std::string& where,
                                                 const std::vector<std::string>& allowed);

/// "must be a text, not a number"
[[nodiscard]] Refusal mistyped(const std::string& where, const std::string& wanted, const Json& found);

}  // namespace mjwatchd::control

// What a webhook says: the exact bytes, rendered once, in the transaction that records the event.
#pragma once

#include <string>
#include <vector>

#include "mjwatchd/change.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::webhooks {

/// All an event's body is made of.
struct EventFacts {
  EventType type = EventType::test;
  WallTime at{};           ///< when it was committed
  std::string webhook_id;  ///< evt_…
  TaskKey key;
  std::uint32_t sequence = 0;
  Status status = Status::unknown;
  Status previous_status = Status::unknown;  ///< null in the body when the task was never seen before
  bool seen_before = false;
  std::string metadata = "{}";  ///< JSON
  ImageResult images;
  std::string object;  ///< the gateway's merged object, JSON; empty: never seen
};

/// Pure. The body for one format; INTERFACES "Webhook" for `standard`, WEBHOOKS 11 for cloudevents,
/// the gateway's object alone for notify_hook.
[[nodiscard]] std::string render_body(BodyFormat format, const EventFacts& facts);

/// The content-type of a format.
[[nodiscard]] std::string_view content_type(BodyFormat format);

/// "2026-11-23T13:08:00.123Z".
[[nodiscard]] std::string iso8601(WallTime at);

}  // namespace mjwatchd::webhooks

// A delivery is one event on its way to one receiver.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// Numbers the store gives out; they grow, and are never used twice.
using TaskNo = std::int64_t;
using EventNo = std::int64_t;
using DeliveryNo = std::int64_t;

/// pending     waits for its turn, its retry time or its endpoint
/// delivered   a 2xx came back
/// held        its endpoint is disabled or gone from the configuration; kept until someone acts
/// dead        every retry was used, or none could help; replay brings it back
/// superseded  the task's final event overtook it
enum class DeliveryState : std::uint8_t { pending, delivered, held, dead, superseded };

/// Where deliveries go. `name` identifies the receiver for ordering and disabling: a configured
/// endpoint's name, or "url:" and a digest for one given with a task. `group` shares limits and
/// breaker: the same name, or "origin:" and scheme://host:port.
struct ReceiverRef {
  std::string name;
  std::string group;
};

/// What the outbox keeps of a delivery. The body stays in the store.
struct DeliveryRecord {
  DeliveryNo no = 0;
  EventNo event = 0;
  TaskNo task = 0;  ///< 0 for webhook.test: ordered after nothing
  std::uint32_t sequence = 0;
  EventType type = EventType::test;
  ReceiverRef receiver;
  DeliveryState state = DeliveryState::pending;
  std::uint32_t attempts = 0;  ///< made so far in this round; a replay starts a new round
  WallTime due{};              ///< not before
  /// When the last attempt of this round began, by the clock of then; nothing: not known, or not tried yet.
  std::optional<WallTime> tried_at{};
};

/// Why an attempt got no answer. `none` when there was one.
enum class SendFault : std::uint8_t {
  none,
  dns,
  connect,
  tls,
  timeout,
  broken,           ///< the connection ended, or the answer was not HTTP
  refused_address,  ///< the address guard said no
  invalid,          ///< the URL, a header or the secret cannot be used
  proxy,            ///< our own proxy failed: not charged to the endpoint
  cancelled         ///< we stopped it (shutdown): not an attempt
};

/// What came of one attempt.
struct SendResult {
  int http_status = 0;  ///< 0 when no answer came
  SendFault fault = SendFault::none;
  std::optional<milliseconds> retry_after;  ///< the answer's Retry-After, made relative
  std::string detail;                       ///< one line for people: the error, or where a 3xx pointed
  std::string answer;                       ///< first 16 KiB of the answer's body
  WallTime started_at{};
  milliseconds dns{}, connect{}, tls{}, first_byte{}, total{};
};

}  // namespace mjwatchd

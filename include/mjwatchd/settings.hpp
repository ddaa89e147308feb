// The numbers the core decides by. The configuration fills them; defaults are the documented ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// What the core needs to know of a gateway.
struct GatewaySettings {
  std::size_t batch = 100;       ///< ids per list-by-condition call
  milliseconds call_cost{2000};  ///< one call is worth this much waiting by finished tasks
  std::uint32_t max_calls_per_minute = 120;
  std::uint32_t max_in_flight = 4;
};

struct WatchSettings {
  milliseconds expire_after = std::chrono::hours(24);
  milliseconds stall_after = std::chrono::minutes(10);
  milliseconds missing_grace = std::chrono::seconds(60);
  milliseconds max_gap = std::chrono::seconds(60);
};

struct ImageSettings {
  milliseconds give_up = std::chrono::minutes(5);  ///< then success is announced with image_error
  bool seed = false;
};

/// What the outbox needs to know of a configured endpoint; also the limits of one URL origin.
struct EndpointSettings {
  std::uint32_t max_in_flight = 8;
  double max_per_second = 0;  ///< 0: no limit
};

struct WebhookSettings {
  std::vector<milliseconds> retry;                    ///< the ladder; empty is not allowed
  std::map<std::string, EndpointSettings> endpoints;  ///< by name
  std::uint32_t max_in_flight = 512;                  ///< in all
};

struct Settings {
  std::map<std::string, GatewaySettings> gateways;
  WatchSettings watch;
  ImageSettings images;
  WebhookSettings webhooks;
  std::uint64_t seed = 1;  ///< of jitter; the shell passes a random one, tests a fixed one
};

}  // namespace mjwatchd

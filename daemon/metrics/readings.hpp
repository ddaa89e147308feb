// How things stand at the moment of a scrape.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/metrics/observations.hpp"
#include "daemon/store/sharing.hpp"
#include "mjwatchd/ports.hpp"
#include "mjwatchd/watcher.hpp"

namespace mjwatchd::metrics {

struct GatewayReading {
  GatewayView view;
  std::uint32_t max_calls_per_minute = 0;
  std::optional<Seconds> unasked;  ///< of the live task that was last seen longest ago
};

/// A part that is in trouble, as healthz and readyz name it.
struct TroubleReading {
  std::string part;
  bool ours = false;
};

/// What the process has used, as the system counts it.
struct ProcessReading {
  Seconds cpu{};
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
};

/// Read from the core's views and the store by the runtime; a plain value.
struct Readings {
  Seconds started_at{};  ///< since 1970
  bool ready = false;
  std::vector<TroubleReading> troubles;

  bool store_answers = false;  ///< false: `counts` are those it told last
  StoreCounts counts;
  std::optional<std::uint64_t> pictures_free_bytes;  ///< on the disk of the picture folder; nothing: not known
  std::uint64_t store_limit_bytes = 0;
  std::size_t commits_waiting = 0;
  std::optional<Seconds> oldest_commit, oldest_pending_delivery;
  std::optional<store::Sharing> sharing;  ///< nothing: the watch list is this daemon's alone

  std::vector<GatewayReading> gateways;
  std::vector<ReceiverView> endpoints;  ///< configured ones
  std::size_t saves_in_flight = 0;
  std::size_t clients = 0;
  ProcessReading process;
};

/// Both as Prometheus' text format 0.0.4. Pure.
[[nodiscard]] std::string exposition(const Observations& observations, const Readings& readings);

}  // namespace mjwatchd::metrics

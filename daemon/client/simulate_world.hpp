// The daemon's own watcher over a trace, in virtual time.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/client/simulate_outcome.hpp"
#include "daemon/client/simulate_rivals.hpp"

namespace mjwatchd::client {

struct WatchTerms {
  CallTerms call;
  milliseconds call_cost{2000};
  std::optional<std::uint32_t> max_calls_per_minute;  ///< nothing: no limit
};

/// Runs the watcher, cold, with a store that commits at once and a gateway that answers from the
/// trace. A task is registered at its submission, with its action and submission time.
[[nodiscard]] Outcome watch_trace(const Trace& trace, const WatchTerms& terms);

}  // namespace mjwatchd::client

// What pollers without a schedule do, over the same traces, to compare with.
#pragma once

#include <cstddef>

#include "daemon/client/simulate_outcome.hpp"

namespace mjwatchd::client {

/// How a call works: so many ids at most; its reply comes `latency` after it left, and is as of half-way.
struct CallTerms {
  std::size_t batch = 50;
  milliseconds latency{};
};

/// A fixed interval: at each of its multiples every task not known to have ended is asked for, in as
/// many calls as their number takes; none when there is no task.
[[nodiscard]] Outcome poll_at_interval(const Trace& trace, const CallTerms& terms, milliseconds interval);

/// Exponential back-off: each task is asked for `first` after its submission and then after waits
/// that grow by half each time up to a minute. Moments are rounded up to multiples of `first`, so that
/// tasks can share calls.
[[nodiscard]] Outcome poll_backing_off(const Trace& trace, const CallTerms& terms, milliseconds first);

/// The interval at which poll_at_interval() makes as many calls, found by bisection to the
/// millisecond (the calls fall as it grows).
[[nodiscard]] milliseconds interval_of_equal_calls(const Trace& trace, const CallTerms& terms, std::uint64_t calls);

}  // namespace mjwatchd::client

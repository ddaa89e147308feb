#include "daemon/client/simulate_rivals.hpp"

#include <algorithm>

namespace mjwatchd::client {
namespace {
using namespace std::chrono_literals;

constexpr milliseconds kLongestWait = 1min;

/// A task being polled: when it ends or is given up on, and when it is asked for next.
struct Polled {
  milliseconds ended = milliseconds::max();
  milliseconds dropped = milliseconds::max();
  milliseconds wait{};
  milliseconds next{};
};

milliseconds round_up(milliseconds moment, milliseconds tick) { return (moment + tick - 1ms) / tick * tick; }

/// Polls at multiples of `tick`. `entered(task)` sets the first look of a task just submitted,
/// `again(task, now)` the one after a look that found it unfinished.
template <typename Entered, typename Again>
Outcome poll(const Trace& trace, const CallTerms& terms, milliseconds tick, Entered entered, Again again) {
  Outcome outcome;
  outcome.tasks = trace.size();
  std::vector<Polled> live;
  std::size_t coming = 0;
  for (milliseconds now = 0ms; coming < trace.size() || !live.empty();) {
    for (; coming < trace.size() && trace[coming].submitted <= now; ++coming) {
      const TraceTask& task = trace[coming];
      Polled polled;
      polled.ended = task.ended().value_or(milliseconds::max());
      polled.dropped = dropped(task).value_or(milliseconds::max());
      polled.next = task.submitted;
      entered(polled);
      live.push_back(polled);
    }
    std::erase_if(live, [&](const Polled& task) { return task.dropped <= now; });
    std::size_t asked = 0;
    const milliseconds as_of = now + terms.latency / 2;
    std::erase_if(live, [&](Polled& task) {
      if (task.next > now) return false;
      ++asked;
      if (task.ended > as_of) {
        again(task, now);
        return false;
      }
      outcome.delays.push_back(now + terms.latency - task.ended);
      return true;
    });
    outcome.calls += (asked + terms.batch - 1) / terms.batch;
    now = live.empty() && coming < trace.size() ? round_up(std::max(trace[coming].submitted, now + 1ms), tick)
                                                : now + tick;
  }
  outcome.finish();
  return outcome;
}

}  // namespace

Outcome poll_at_interval(const Trace& trace, const CallTerms& terms, milliseconds interval) {
  return poll(
      trace, terms, interval, [](Polled&) {}, [](Polled&, milliseconds) {});
}

Outcome poll_backing_off(const Trace& trace, const CallTerms& terms, milliseconds first) {
  return poll(
      trace, terms, first,
      [&](Polled& task) {
        task.wait = first;
        task.next += first;
      },
      [](Polled& task, milliseconds now) {
        task.wait = std::min(task.wait * 3 / 2, kLongestWait);
        task.next = now + task.wait;
      });
}

milliseconds interval_of_equal_calls(const Trace& trace, const CallTerms& terms, std::uint64_t calls) {
  const auto made = [&](milliseconds interval) { return poll_at_interval(trace, terms, interval).calls; };
  milliseconds low = 1s, high = 1s;  // low: at least as many calls; high: at most
  while (low > 1ms && made(low) < calls) low /= 2;
  while (high < kPatience && made(high) > calls) high *= 2;
  while (high - low > 1ms) {
    const milliseconds middle = low + (high - low) / 2;
    (made(middle) > calls ? low : high) = middle;
  }
  return high;
}

}  // namespace mjwatchd::client

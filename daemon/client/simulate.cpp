#include "daemon/client/simulate.hpp"

#include <array>
#include <fstream>
#include <iostream>
#include <utility>
#include <vector>

#include "daemon/client/session.hpp"
#include "daemon/client/simulate_rivals.hpp"
#include "daemon/client/simulate_world.hpp"

namespace mjwatchd::client {
namespace {

using Figures = std::vector<std::pair<std::string, std::string>>;

std::string number(double value) {
  std::array<char, 48> text{};
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.3f", value))};
}

Trace open_trace(const std::string& name) {
  if (name == "-") return read_trace(std::cin, "standard input");
  std::ifstream file(name);
  if (!file) throw Trouble(Exit::error, name + ": cannot be read");
  return read_trace(file, name);
}

WatchTerms terms_of(const SimulateOrder& order) {
  WatchTerms terms;
  terms.call.batch = static_cast<std::size_t>(order.batch);
  terms.call.latency = milliseconds(parse_duration_ms(order.latency));
  terms.call_cost = milliseconds(parse_duration_ms(order.call_cost));
  if (order.max_calls_per_minute > 0) {
    terms.max_calls_per_minute = static_cast<std::uint32_t>(order.max_calls_per_minute);
  }
  return terms;
}

Figures figures(const Trace& trace, const WatchTerms& terms) {
  const Outcome ours = watch_trace(trace, terms);
  const milliseconds interval = interval_of_equal_calls(trace, terms.call, ours.calls);
  const Outcome fixed = poll_at_interval(trace, terms.call, interval);
  return {{"tasks", std::to_string(ours.tasks)},
          {"noticed", std::to_string(ours.delays.size())},
          {"calls", std::to_string(ours.calls)},
          {"calls_per_task", number(ours.calls_per_task())},
          {"delay_mean_s", number(ours.mean())},
          {"delay_p50_s", number(ours.percentile(0.5))},
          {"delay_p95_s", number(ours.percentile(0.95))},
          {"delay_p99_s", number(ours.percentile(0.99))},
          {"delay_max_s", number(ours.percentile(1))},
          {"fixed_interval_s", number(std::chrono::duration<double>(interval).count())},
          {"fixed_delay_mean_s", number(fixed.mean())},
          {"fixed_delay_p95_s", number(fixed.percentile(0.95))}};
}

std::string as_json(const Figures& figures) {
  std::string out;
  for (const auto& [name, value] : figures) out += (out.empty() ? "{\"" : ",\"") + name + "\":" + value;
  return out + "}\n";
}

std::string as_lines(const Figures& figures) {
  std::string out;
  for (const auto& [name, value] : figures) out += name + std::string(20 - name.size(), ' ') + value + "\n";
  return out;
}

}  // namespace

Exit simulate(bool json, const SimulateOrder& order) {
  const WatchTerms terms = terms_of(order);
  const Trace trace = open_trace(order.trace);
  const Figures result = figures(trace, terms);
  print(json ? as_json(result) : as_lines(result));
  return Exit::done;
}

}  // namespace mjwatchd::client

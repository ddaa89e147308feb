#include "daemon/client/simulate.hpp"

#include <array>
#include <fstream>
#include <iostream>
#include <utility>
#include <vector>

#include "daemon/client/session.hpp"
#include "daemon/client/simulate_plot.hpp"
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

/// Delay against calls for a range of call costs, and of the rivals where they make as many calls.
std::string picture(const Trace& trace, const SimulateOrder& order, WatchTerms terms) {
  PlotLine ours{"mjwatchd, by call_cost", "#0072b2", {}}, fixed{"fixed interval", "#d55e00", {}},
      backing_off{"exponential back-off", "#6b6b6b", {}};
  for (const char* cost : {"100ms", "250ms", "500ms", "1s", "2s", "4s", "8s", "16s", "32s"}) {
    terms.call_cost = milliseconds(parse_duration_ms(cost));
    const Outcome outcome = watch_trace(trace, terms);
    ours.points.push_back({outcome.calls_per_task(), outcome.mean(), cost});
  }
  const double most = ours.points.front().calls_per_task * 1.2, least = ours.points.back().calls_per_task / 1.2;
  const auto add = [&](PlotLine& line, const Outcome& outcome) {
    const double calls = outcome.calls_per_task();
    if (calls >= least && calls <= most) line.points.push_back({calls, outcome.mean(), {}});
  };
  for (double wait = 250; wait < 120'000; wait *= 1.15) {
    const milliseconds every(static_cast<std::int64_t>(wait));
    add(fixed, poll_at_interval(trace, terms.call, every));
    add(backing_off, poll_backing_off(trace, terms.call, every));
  }
  const std::string name = order.trace.substr(order.trace.rfind('/') + 1);
  return plot(name + ": delay against calls, batches of " + std::to_string(terms.call.batch),
              {std::move(backing_off), std::move(fixed), std::move(ours)});
}

void write_file(const std::string& name, const std::string& text) {
  std::ofstream file(name, std::ios::binary);
  file << text;
  if (!file.flush()) throw Trouble(Exit::error, name + ": cannot be written");
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
  if (!order.plot.empty()) write_file(order.plot, picture(trace, order, terms));
  print(json ? as_json(result) : as_lines(result));
  return Exit::done;
}

}  // namespace mjwatchd::client

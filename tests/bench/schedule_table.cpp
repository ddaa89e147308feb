// The table of the README: the schedule beside fixed intervals, over traces, at three prices.
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>

#include "daemon/client/simulate_world.hpp"
#include "tests/bench/schedule_worlds.hpp"

using namespace mjwatchd;
using namespace mjwatchd::client;
using namespace std::chrono_literals;

namespace {

constexpr milliseconds kPrices[] = {500ms, 2000ms, 8000ms};

/// The fixed interval that costs least at a price, sought on a grid of 5 % steps.
double cheapest_interval(const Trace& trace, const CallTerms& terms, milliseconds price) {
  double least = HUGE_VAL;
  for (double interval = 100; interval < 300'000; interval *= 1.05) {
    const milliseconds every(static_cast<std::int64_t>(interval));
    least = std::min(least, poll_at_interval(trace, terms, every).cost(price));
  }
  return least;
}

/// Products of the cells, for geometric means.
struct Means {
  double log_mean = 0, log_p95 = 0, log_cost = 0, worst = 0;
  int cells = 0;

  void add(double mean, double p95, double cost) {
    log_mean += std::log(mean);
    log_p95 += std::log(p95);
    log_cost += std::log(cost);
    worst = std::max(worst, mean);
    ++cells;
  }
  [[nodiscard]] double of(double sum) const { return std::exp(sum / cells); }
};

void row(const std::string& name, const Trace& trace, milliseconds price, Means& means) {
  WatchTerms terms;
  terms.call_cost = price;
  const Outcome ours = watch_trace(trace, terms);
  const Outcome fixed = poll_at_interval(trace, terms.call, interval_of_equal_calls(trace, terms.call, ours.calls));
  const double mean = ours.mean() / fixed.mean(), p95 = ours.percentile(0.95) / fixed.percentile(0.95);
  const double cost = ours.cost(price), best = cheapest_interval(trace, terms.call, price);
  means.add(mean, p95, cost / best);
  std::printf("| %s | %.1f s | %.3f | %.2f s | %.2f s | %.2f | %.2f s | %.2f | %.2f | %.2f |\n", name.c_str(),
              std::chrono::duration<double>(price).count(), ours.calls_per_task(), ours.mean(), fixed.mean(), mean,
              ours.percentile(0.95), p95, cost, cost / best);
}

/// "world:KIND:SEED" (one task a second), "world:KIND:SEED:LOAD" (LOAD tasks a second, "b" after it:
/// in bursts), or a file.
Trace trace_of(const std::string& name) {
  if (name.rfind("world:", 0) != 0) {
    std::ifstream file(name);
    return read_trace(file, name);
  }
  std::istringstream words(name);
  std::string word, kind, seed, load;
  std::getline(words, word, ':');
  std::getline(words, kind, ':');
  std::getline(words, seed, ':');
  std::getline(words, load, ':');
  worlds::Load how;
  how.bursts = load.ends_with('b');
  if (!load.empty()) how.per_second = std::stod(load);
  how.tasks = how.per_second < 0.1 ? 400 : how.per_second > 5 ? 4000 : 1000;
  return worlds::make(kind, how, std::stoull(seed));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Means means;
    std::puts(
        "| trace | call_cost | calls a task | mean delay | fixed interval's | ratio | p95 | ratio | J | of best fixed "
        "|");
    std::puts("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (int i = 1; i < argc; ++i) {
      const std::string name = argv[i];
      const Trace trace = trace_of(name);
      for (const milliseconds price : kPrices) row(name.substr(name.rfind('/') + 1), trace, price, means);
    }
    if (means.cells > 0) {
      std::printf("| geometric mean | | | | | %.3f (worst %.2f) | | %.3f | | %.3f |\n", means.of(means.log_mean),
                  means.worst, means.of(means.log_p95), means.of(means.log_cost));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "schedule_table: %s\n", error.what());
    return 1;
  }
}

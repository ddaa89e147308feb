// sim: runs simulated worlds, and says what broke in which.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/sim/cluster.hpp"
#include "tests/sim/day.hpp"
#include "tests/sim/minimise.hpp"
#include "tests/sim/world.hpp"

namespace {

using namespace mjwatchd;
using namespace mjwatchd::sim;

constexpr const char* kUsage =
    "usage: sim --seeds FROM..TO [--fault NAME]   worlds of these seeds; the first that fails is reduced and shown\n"
    "       sim --seed N [--fault NAME] [--trace] one world; --trace prints all that happens in it\n"
    "       sim --faults                          the mistakes made on purpose, and by which seed each is found\n"
    "       sim --daemons …                       the same (--seeds, --seed, --fault, --faults) with several daemons\n"
    "       sim --delay                           how late ends are noticed by one, two and three daemons of one "
    "budget\n"
    "       sim --speed [DAYS]                    simulated days of 5,000 tasks a second, on one core\n";

struct Wish {
  std::uint64_t from = 0, to = 0;
  Fault fault = Fault::none;
  SharingFault sharing_fault = SharingFault::none;
  bool trace = false, faults = false, daemons = false, delay = false;
  int days = 0;
};

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "sim: %s\n%s", why.c_str(), kUsage);
  std::exit(2);
}

std::uint64_t number(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) refuse("no number: " + text);
  return std::strtoull(text.c_str(), nullptr, 10);
}

Fault fault_named(std::string_view name) {
  for (const FaultFacts& fact : faults()) {
    if (fact.name == name) return fact.fault;
  }
  refuse("no such fault: " + std::string(name));
}

SharingFault sharing_fault_named(std::string_view name) {
  for (const SharingFaultFacts& fact : sharing_faults()) {
    if (fact.name == name) return fact.fault;
  }
  refuse("no such fault of several daemons: " + std::string(name));
}

Wish read(const std::vector<std::string>& words) {
  Wish wish;
  wish.daemons = std::find(words.begin(), words.end(), "--daemons") != words.end();
  bool given = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto value = [&]() -> const std::string& {
      if (i + 1 == words.size()) refuse(words[i] + " needs a value");
      return words[++i];
    };
    const std::string& word = words[i];
    if (word == "--daemons") continue;
    given = given || word != "--trace";
    if (word == "--seeds") {
      const std::string range = value();
      const auto dots = range.find("..");
      if (dots == std::string::npos) refuse("--seeds takes FROM..TO");
      wish.from = number(range.substr(0, dots));
      wish.to = number(range.substr(dots + 2));
    } else if (word == "--seed") {
      wish.from = wish.to = number(value());
    } else if (word == "--fault") {
      const std::string& name = value();
      if (wish.daemons) wish.sharing_fault = sharing_fault_named(name);
      if (!wish.daemons) wish.fault = fault_named(name);
    } else if (word == "--trace") {
      wish.trace = true;
    } else if (word == "--faults") {
      wish.faults = true;
    } else if (word == "--delay") {
      wish.delay = true;
    } else if (word == "--speed") {
      wish.days = i + 1 < words.size() ? static_cast<int>(number(value())) : 20;
    } else {
      refuse("unknown: " + word);
    }
  }
  if (!given) refuse("nothing to do");
  return wish;
}

/// What broke, what of the world it needs, and the end of what happened then.
void show(std::uint64_t seed, Fault fault) {
  const Scenario scenario = draw(seed);
  std::printf("seed %llu is broken; reducing it…\n", static_cast<unsigned long long>(seed));
  const Minimum minimum = minimise(scenario, fault);
  World world(minimum.scenario, Findings::Trace::keep, fault);
  const Findings& findings = world.run();
  for (const std::string& what : findings.broken()) std::printf("  broken %s\n", what.c_str());
  std::printf("It needs (found in %zu runs):\n", minimum.runs);
  for (const std::string& part : minimum.parts) std::printf("  - %s\n", part.c_str());
  std::printf("What happened then, by the milliseconds of the simulation:\n");
  for (const std::string& line : findings.history()) std::printf("  %s\n", line.c_str());
  std::printf("See the whole of it with: sim --seed %llu --trace\n", static_cast<unsigned long long>(seed));
}

/// The same of several daemons; such a world is not reduced.
void show_daemons(std::uint64_t seed, SharingFault fault) {
  const Scenario scenario = draw(seed);
  const Sharing sharing = draw_sharing(scenario);
  Cluster world(scenario, sharing, Findings::Trace::keep, fault);
  const Findings& findings = world.run();
  std::printf("seed %llu is broken\n", static_cast<unsigned long long>(seed));
  for (const std::string& what : findings.broken()) std::printf("  broken %s\n", what.c_str());
  std::printf("What happened last, by the milliseconds of the simulation:\n");
  for (const std::string& line : findings.history()) std::printf("  %s\n", line.c_str());
  std::printf("See the whole of it with: sim --daemons --seed %llu --trace\n", static_cast<unsigned long long>(seed));
}

struct Sums {
  std::atomic<std::uint64_t> worlds{0}, steps{0}, crashes{0}, virtual_ms{0};
};

/// Runs a world and answers whether it is broken.
template <typename AnyWorld>
bool add_up(AnyWorld& world, Sums& sums) {
  const bool broken = !world.run().broken().empty();
  ++sums.worlds;
  sums.steps += world.steps();
  sums.crashes += world.crashes();
  sums.virtual_ms += static_cast<std::uint64_t>(world.passed().count());
  return broken;
}

bool run_world(std::uint64_t seed, const Wish& wish, Sums& sums) {
  const Scenario scenario = draw(seed);
  if (wish.daemons) {
    const Sharing sharing = draw_sharing(scenario);
    Cluster world(scenario, sharing, Findings::Trace::none, wish.sharing_fault);
    return add_up(world, sums);
  }
  World world(scenario, Findings::Trace::none, wish.fault);
  return add_up(world, sums);
}

std::optional<std::uint64_t> run_all(const Wish& wish, Sums& sums) {
  std::atomic<std::uint64_t> next{wish.from};
  std::mutex mutex;
  std::optional<std::uint64_t> first;
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed <= wish.to; seed = next++) {
      if (!run_world(seed, wish, sums)) continue;
      const std::lock_guard lock(mutex);
      if (!first || seed < *first) first = seed;
      next = wish.to + 1;
    }
  };
  std::vector<std::thread> others(std::max(1U, std::thread::hardware_concurrency()) - 1);
  for (std::thread& thread : others) thread = std::thread(work);
  work();
  for (std::thread& thread : others) thread.join();
  return first;
}

int run_seeds(const Wish& wish) {
  const auto begin = std::chrono::steady_clock::now();
  Sums sums;
  const auto failed = run_all(wish, sums);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%llu worlds, %.0f virtual days, %llu steps, %llu crashes in %.1f s: %s\n",
              static_cast<unsigned long long>(sums.worlds), static_cast<double>(sums.virtual_ms) / 86'400'000.0,
              static_cast<unsigned long long>(sums.steps), static_cast<unsigned long long>(sums.crashes), seconds,
              failed ? "broken" : "nothing was broken");
  if (failed && wish.daemons) show_daemons(*failed, wish.sharing_fault);
  if (failed && !wish.daemons) show(*failed, wish.fault);
  return failed ? 1 : 0;
}

int run_one(const Wish& wish) {
  const Scenario scenario = draw(wish.from);
  if (wish.daemons) {
    const Sharing sharing = draw_sharing(scenario);
    Cluster world(scenario, sharing, Findings::Trace::print, wish.sharing_fault);
    return world.run().broken().empty() ? 0 : 1;
  }
  World world(scenario, Findings::Trace::print, wish.fault);
  return world.run().broken().empty() ? 0 : 1;
}

/// How a mistake shows in this world, if it does.
std::string shows(const FaultFacts& fact, const Scenario& scenario) {
  World world(scenario, Findings::Trace::none, fact.fault);
  const auto& broken = world.run().broken();
  return broken.empty() ? "" : broken.front();
}

std::string shows(const SharingFaultFacts& fact, const Scenario& scenario) {
  const Sharing sharing = draw_sharing(scenario);
  Cluster world(scenario, sharing, Findings::Trace::none, fact.fault);
  const auto& broken = world.run().broken();
  return broken.empty() ? "" : broken.front();
}

template <typename Facts>
int run_faults(const std::vector<Facts>& facts) {
  int missed = 0;
  std::printf("%-22s %-10s %-8s %s\n", "fault", "found by", "within", "what is done wrong / how it shows");
  for (const Facts& fact : facts) {
    std::uint64_t seed = 1;
    std::string shown;
    for (; seed <= fact.seeds && shown.empty(); ++seed) shown = shows(fact, draw(seed));
    if (shown.empty()) ++missed;
    const std::string by = shown.empty() ? "NOT FOUND" : "seed " + std::to_string(seed - 1);
    std::printf("%-22s %-10s %-8llu %s / %s\n", std::string(fact.name).c_str(), by.c_str(),
                static_cast<unsigned long long>(fact.seeds), std::string(fact.what).c_str(), shown.c_str());
  }
  return missed == 0 ? 0 : 1;
}

int run_speed(int days) {
  const Scenario scenario = quiet_days(days);
  const std::clock_t begin = std::clock();  // processor time: what others do on the machine does not count
  World world(scenario);
  const Findings& findings = world.run();
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  for (const std::string& what : findings.broken()) std::printf("broken %s\n", what.c_str());
  std::printf("%d days of %zu tasks, %llu steps in %.2f s of one core: %.1f days a second\n", days, kTasksADay,
              static_cast<unsigned long long>(world.steps()), seconds, days / seconds);
  return findings.broken().empty() ? 0 : 1;
}

/// A day's tasks within so many minutes, watched by so many daemons under one budget.
bool show_delay(int minutes, std::uint32_t budget, std::size_t daemons) {
  Scenario scenario = quiet_days(1);
  const int faster = 24 * 60 / minutes;
  scenario.calm_at /= faster;
  scenario.settings.gateways["g1"].max_calls_per_minute = budget;
  for (TaskPlan& task : scenario.tasks) task.submitted = task.asked_at /= faster;
  Sharing sharing;
  sharing.daemons.resize(daemons);
  Cluster world(scenario, sharing);
  const Findings& findings = world.run();
  for (const std::string& what : findings.broken()) std::printf("broken %s\n", what.c_str());
  DetectionDelay delay;
  std::uint64_t calls = 0;
  for (const GatewayView& view : world.views()) {
    delay.count += view.delay.count;
    delay.sum_s += view.delay.sum_s;
    calls += view.calls;
  }
  std::printf("%7d %6u %7zu %6llu %12.2f %6llu\n", minutes, budget, daemons,
              static_cast<unsigned long long>(delay.count), delay.mean_s(), static_cast<unsigned long long>(calls));
  return findings.broken().empty();
}

int run_delay() {
  std::printf("minutes budget daemons   ends mean delay s  calls\n");
  bool whole = true;
  for (const auto& [minutes, budget] : {std::pair{60, 120U}, std::pair{10, 60U}, std::pair{5, 30U}}) {
    for (const std::size_t daemons : {1U, 2U, 3U}) whole = show_delay(minutes, budget, daemons) && whole;
  }
  return whole ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const Wish wish = read({words + 1, words + count});
  if (wish.faults && wish.daemons) return run_faults(sharing_faults());
  if (wish.faults) return run_faults(faults());
  if (wish.delay) return run_delay();
  if (wish.days > 0) return run_speed(wish.days);
  return wish.trace ? run_one(wish) : run_seeds(wish);
}

#include "tests/bench/schedule_worlds.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <stdexcept>

namespace mjwatchd::worlds {
namespace {
using client::milliseconds;
using client::Trace;
using client::TracePoint;
using client::TraceTask;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  bool chance(double share) { return uniform() < share; }
  double exponential(double mean) { return -mean * std::log(uniform()); }
  double log_normal(double median, double sigma) {
    const double normal = std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
    return median * std::exp(sigma * normal);
  }

 private:
  std::mt19937_64 engine_;
};

/// One task as it will go, in seconds; a kind changes what it is about.
struct Life {
  std::string action = "IMAGINE";
  double queue = 1.5, run = 43;
  double first_step = 0.33;  ///< share of the run at which the first step comes
  std::vector<int> steps = {15, 31, 46, 62, 78, 93};
  double uneven = 0.15;  ///< of the pace
  double stall = 0;      ///< added to the run after the last step
  double fails_at = -1;  ///< after submission
  bool ends = true;
};

using Change = void (*)(Life& life, double when, double whole, Dice& dice);

Life recorded(Dice& dice) {
  Life life;
  const double kind = dice.uniform();
  life.queue = dice.log_normal(1.5, 0.7);
  life.run = dice.log_normal(43, 0.3);
  if (kind < 0.25) {
    life.action = "UPSCALE";
    life.queue = dice.log_normal(0.5, 0.5);
    life.run = dice.log_normal(6, 0.6);
    life.first_step = 0.14;
  } else if (kind < 0.4) {
    life.action = "VARIATION";
    life.run = dice.log_normal(38, 0.3);
  } else if (dice.chance(0.06)) {
    life.queue = dice.log_normal(90, 0.8);
  }
  if (dice.chance(0.04)) life.fails_at = dice.log_normal(1.5, 0.5);
  return life;
}

struct Kind {
  std::string name;
  Change change;
};

const std::vector<Kind>& all() {
  static const std::vector<Kind> kinds = {
      {"recorded", [](Life&, double, double, Dice&) {}},
      {"no-progress", [](Life& life, double, double, Dice&) { life.steps.clear(); }},
      {"one-percent-steps",
       [](Life& life, double, double, Dice&) {
         life.steps.clear();
         for (int step = 1; step < 100; ++step) life.steps.push_back(step);
         life.uneven = 0.8;
       }},
      {"ten-percent-steps",
       [](Life& life, double, double, Dice&) {
         life.steps = {10, 20, 30, 40, 50, 60, 70, 80, 90};
         life.first_step = 0.1;
         life.uneven = 0.5;
       }},
      {"stalls", [](Life& life, double, double, Dice& dice) { life.stall = dice.log_normal(60, 0.3); }},
      {"slowdown",
       [](Life& life, double when, double whole, Dice&) {
         if (when > whole / 2) life.run *= 3;
       }},
      {"long-queues", [](Life& life, double, double, Dice& dice) { life.queue = dice.log_normal(180, 0.8); }},
      {"never-ending", [](Life& life, double, double, Dice& dice) { life.ends = !dice.chance(0.1); }},
      {"late-failures",
       [](Life& life, double, double, Dice& dice) {
         if (dice.chance(0.15)) life.fails_at = life.queue + life.run * dice.uniform();
       }},
      {"two-speeds",
       [](Life& life, double, double, Dice& dice) {
         if (dice.chance(0.4)) life.run *= 4;
       }},
      {"waves",
       [](Life& life, double when, double, Dice&) { life.run *= 1.5 + std::sin(when * 2 * std::numbers::pi / 600); }},
      {"other-actions",
       [](Life& life, double, double, Dice& dice) {
         life.action = dice.chance(0.5) ? "VIDEO" : "DESCRIBE";
         life.run = life.action == "VIDEO" ? dice.log_normal(200, 0.3) : dice.log_normal(4, 0.3);
       }},
  };
  return kinds;
}

milliseconds ms(double seconds) { return milliseconds(std::llround(seconds * 1000)); }

std::vector<TracePoint> timeline(const Life& life, Dice& dice) {
  std::vector<TracePoint> points = {{ms(0), Status::submitted, 0}, {ms(life.queue), Status::in_progress, 0}};
  std::vector<double> paces;
  double sum = 0;
  for (std::size_t i = 0; i <= life.steps.size(); ++i) sum += paces.emplace_back(dice.log_normal(1, life.uneven + 0.2));
  double at = life.queue + life.run * life.first_step;
  for (std::size_t i = 0; i < life.steps.size(); ++i) {
    at += i == 0 ? 0 : life.run * (1 - life.first_step) * paces[i] / (sum - paces[0]);
    points.push_back({ms(at), Status::in_progress, static_cast<std::uint8_t>(life.steps[i])});
  }
  const double end = life.queue + life.run + life.stall;
  if (life.ends) points.push_back({ms(end), Status::success, 100});
  if (life.fails_at >= 0 && life.fails_at < end) {
    std::erase_if(points, [&](const TracePoint& point) { return point.at >= ms(life.fails_at); });
    points.push_back({ms(life.fails_at), Status::failure, {}});
  }
  return points;
}

}  // namespace

client::Trace make(const std::string& kind, const Load& load, std::uint64_t seed) {
  const auto found = std::find_if(all().begin(), all().end(), [&](const Kind& one) { return one.name == kind; });
  if (found == all().end()) throw std::invalid_argument(kind + ": no such kind of world");
  Dice dice(seed);
  Trace trace;
  const double whole = static_cast<double>(load.tasks) / load.per_second;
  constexpr double kBurst = 40;
  double clock = 0;
  for (std::size_t i = 0; i < load.tasks; ++i) {
    if (!load.bursts) {
      clock += dice.exponential(1 / load.per_second);
    } else {
      clock += dice.chance(1 / kBurst) ? dice.exponential(kBurst / load.per_second) : dice.exponential(0.05);
    }
    Life life = recorded(dice);
    found->change(life, clock, whole, dice);
    TraceTask task;
    task.id = std::to_string(1'700'000'000'000'000ULL + i);
    task.action = life.action;
    task.submitted = ms(clock);
    task.timeline = timeline(life, dice);
    trace.push_back(std::move(task));
  }
  return trace;
}

const std::vector<std::string>& kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all_names;
    for (const Kind& kind : all()) all_names.push_back(kind.name);
    return all_names;
  }();
  return names;
}

}  // namespace mjwatchd::worlds

#include "tests/sim/minimise.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/world.hpp"

namespace mjwatchd::sim {
namespace {

std::string text(const Span& span) {
  return " from " + std::to_string(span.from.count()) + " to " + std::to_string(span.to.count()) + " ms";
}

template <typename List, typename Same>
void erase_first(List& list, Same same) {
  const auto found = std::find_if(list.begin(), list.end(), same);
  if (found != list.end()) list.erase(found);
}

/// Collects parts. Each finds what it takes out by its value, for others may be gone already.
class Taker {
 public:
  explicit Taker(const Scenario& scenario) : scenario_(scenario) {}

  std::vector<Part> parts() {
    for (const Death& death : scenario_.deaths.value_or(std::vector<Death>{})) take_death(death);
    for (const TaskPlan& task : scenario_.tasks) take_task(task);
    for (const auto& [name, plan] : scenario_.gateways) take_gateway(name, plan);
    for (const auto& [name, plan] : scenario_.receivers) take_receiver(name, plan);
    take_disk();
    for (const milliseconds when : scenario_.replays_at) {
      add("a replay at " + std::to_string(when.count()) + " ms",
          [when](Scenario& s) { std::erase(s.replays_at, when); });
    }
    return std::move(parts_);
  }

 private:
  void add(std::string name, std::function<void(Scenario&)> take_out) {
    parts_.push_back({std::move(name), std::move(take_out)});
  }

  void take_death(const Death& death) {
    add((death.gentle ? "a stop at chance " : "a crash at chance ") + std::to_string(death.chance),
        [n = death.chance](Scenario& s) {
          std::erase_if(*s.deaths, [n](const Death& one) { return one.chance == n; });
        });
  }

  void take_task(const TaskPlan& task) {
    const TaskKey key = task.registration.key;
    add("task " + key.gateway + "/" + key.id, [key](Scenario& s) {
      std::erase_if(s.tasks, [&](const TaskPlan& one) { return one.registration.key == key; });
    });
    const auto trait = [&](bool there, const std::string& name, void (*mend)(TaskPlan&)) {
      if (!there) return;
      add(key.id + ": " + name, [key, mend](Scenario& s) {
        for (TaskPlan& one : s.tasks) {
          if (one.registration.key == key) mend(one);
        }
      });
    };
    trait(task.poison, "poisons batches", [](TaskPlan& t) { t.poison = false; });
    trait(task.absent.has_value(), "absent for a while", [](TaskPlan& t) { t.absent.reset(); });
    trait(task.deleted_at.has_value(), "deleted", [](TaskPlan& t) { t.deleted_at.reset(); });
    trait(task.asked_twice, "asked for twice", [](TaskPlan& t) { t.asked_twice = false; });
    trait(!task.refreshed_at.empty(), "refreshed", [](TaskPlan& t) { t.refreshed_at.clear(); });
    trait(task.late_receiver.has_value(), "a late receiver", [](TaskPlan& t) { t.late_receiver.reset(); });
    trait(task.pictures.failures > 0, "pictures fail", [](TaskPlan& t) { t.pictures.failures = 0; });
  }

  void take_gateway(const std::string& name, const GatewayPlan& plan) {
    const auto trait = [&](bool there, const std::string& what, std::function<void(GatewayPlan&)> mend) {
      if (!there) return;
      add(name + ": " + what, [name, mend = std::move(mend)](Scenario& s) { mend(s.gateways.at(name)); });
    };
    for (const Spell& spell : plan.spells) {
      trait(true, "mood " + std::to_string(static_cast<int>(spell.mood)) + text(spell.when),
            [from = spell.when.from](GatewayPlan& g) {
              std::erase_if(g.spells, [from](const Spell& one) { return one.when.from == from; });
            });
    }
    trait(plan.drops > 0, "drops replies", [](GatewayPlan& g) { g.drops = 0; });
    trait(plan.stale > 0, "answers stale", [](GatewayPlan& g) { g.stale = 0; });
    trait(!plan.batches, "has no batches", [](GatewayPlan& g) { g.batches = true; });
    trait(plan.clock_ahead != milliseconds(0), "its clock is wrong", [](GatewayPlan& g) { g.clock_ahead = {}; });
    trait(plan.forgetful.has_value(), "forgets", [](GatewayPlan& g) { g.forgetful.reset(); });
    trait(plan.unconfigured.has_value(), "unconfigured", [](GatewayPlan& g) { g.unconfigured.reset(); });
  }

  void take_receiver(const std::string& name, const ReceiverPlan& plan) {
    const auto trait = [&](bool there, const std::string& what, void (*mend)(ReceiverPlan&)) {
      if (there) add(name + ": " + what, [name, mend](Scenario& s) { mend(s.receivers.at(name)); });
    };
    trait(plan.manner != Manner::good, "manner " + std::to_string(static_cast<int>(plan.manner)),
          [](ReceiverPlan& r) { r.manner = Manner::good; });
    trait(plan.unconfigured.has_value(), "unconfigured", [](ReceiverPlan& r) { r.unconfigured.reset(); });
    trait(plan.disabled.has_value(), "disabled", [](ReceiverPlan& r) { r.disabled.reset(); });
  }

  void take_disk() {
    if (scenario_.commit_fails > 0) add("commits fail", [](Scenario& s) { s.commit_fails = 0; });
    if (scenario_.clock_jumps != milliseconds(0)) {
      add("the clock is wrong after a restart", [](Scenario& s) { s.clock_jumps = {}; });
    }
    for (const ClockStep& step : scenario_.clock_steps) {
      add("the clock is set by " + std::to_string(step.by.count()) + " ms at " + std::to_string(step.at.count()),
          [at = step.at](Scenario& s) {
            std::erase_if(s.clock_steps, [at](const ClockStep& one) { return one.at == at; });
          });
    }
    take_spans("the disk is full", &Scenario::disk_full);
    take_spans("the disk stalls", &Scenario::disk_stalls);
  }

  void take_spans(const std::string& name, std::vector<Span> Scenario::*list) {
    for (const Span& span : scenario_.*list) {
      add(name + text(span), [list, from = span.from](Scenario& s) {
        std::erase_if(s.*list, [from](const Span& one) { return one.from == from; });
      });
    }
  }

  const Scenario& scenario_;
  std::vector<Part> parts_;
};

bool fails(const Scenario& scenario, Fault fault) {
  return !World(scenario, Findings::Trace::none, fault).run().broken().empty();
}

Scenario without(const Scenario& whole, const std::vector<Part>& parts, const std::vector<bool>& out) {
  Scenario less = whole;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (out[i]) parts[i].take_out(less);
  }
  return less;
}

}  // namespace

std::vector<Part> parts_of(const Scenario& scenario) { return Taker(scenario).parts(); }

Minimum minimise(const Scenario& failing, Fault fault, std::size_t most_runs) {
  Minimum minimum;
  Scenario whole = failing;
  if (!whole.deaths) {  // exactly those it draws by itself
    World world(failing, Findings::Trace::none, fault);
    world.run();
    whole.deaths = world.deaths();
  }
  const std::vector<Part> parts = parts_of(whole);
  std::vector<bool> out(parts.size(), false);
  for (std::size_t share = std::max<std::size_t>(parts.size() / 2, 1); minimum.runs < most_runs;) {
    bool smaller = false;
    for (std::size_t from = 0; from < parts.size() && minimum.runs < most_runs; from += share) {
      std::vector<bool> more = out;
      const std::size_t to = std::min(parts.size(), from + share);
      std::fill(more.begin() + static_cast<std::ptrdiff_t>(from), more.begin() + static_cast<std::ptrdiff_t>(to), true);
      if (more == out) continue;
      ++minimum.runs;
      if (!fails(without(whole, parts, more), fault)) continue;
      out = std::move(more);
      smaller = true;
    }
    if (share == 1 && !smaller) break;
    if (!smaller || share > 1) share = std::max<std::size_t>(share / 2, 1);
  }
  minimum.scenario = without(whole, parts, out);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!out[i]) minimum.parts.push_back(parts[i].name);
  }
  return minimum;
}

}  // namespace mjwatchd::sim

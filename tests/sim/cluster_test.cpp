#include "tests/sim/cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

using namespace mjwatchd;
using namespace mjwatchd::sim;

TEST_CASE("whatever befalls several daemons, every task ends once and is told of") {
  constexpr std::uint64_t kSeeds = 60;  // the program sim runs more
  std::uint64_t crashes = 0, steps = 0;
  std::vector<std::uint64_t> seeds(kSeeds);
  std::iota(seeds.begin(), seeds.end(), 1);
  // What was held for an endpoint out of the configuration was forgotten when the database had been away.
  seeds.push_back(1673);
  for (const std::uint64_t seed : seeds) {
    const Scenario scenario = draw(seed);
    const Sharing sharing = draw_sharing(scenario);
    Cluster cluster(scenario, sharing);
    for (const std::string& what : cluster.run().broken()) {
      FAIL_CHECK("seed " << seed << ": " << what << "\n  see it with sim --daemons --seed " << seed);
    }
    crashes += cluster.crashes();
    steps += cluster.steps();
  }
  MESSAGE(seeds.size() << " worlds of several daemons, " << steps << " steps, " << crashes << " crashes");
  // A simulation in which nothing goes wrong shows nothing.
  CHECK(crashes > kSeeds);
}

TEST_CASE("each mistake that daemons could make who share a list is found within its number of worlds") {
  for (const SharingFaultFacts& fact : sharing_faults()) {
    if (fact.seeds > 60) continue;  // takes long: sim --daemons --faults shows it
    bool caught = false;
    for (std::uint64_t seed = 1; seed <= fact.seeds && !caught; ++seed) {
      const Scenario scenario = draw(seed);
      const Sharing sharing = draw_sharing(scenario);
      caught = !Cluster(scenario, sharing, Findings::Trace::none, fact.fault).run().broken().empty();
    }
    CHECK_MESSAGE(caught, std::string(fact.name) << " is not found in " << fact.seeds << " worlds");
  }
}

namespace {

/// Tasks that run for an hour, and daemons that nothing befalls.
Scenario long_tasks(std::size_t count) {
  using namespace std::chrono_literals;
  Scenario scenario;
  scenario.seed = 5;
  scenario.calm_at = 2h;
  scenario.settings.webhooks.retry = {5s};
  scenario.settings.gateways["g1"] = {};
  scenario.gateways["g1"] = {};
  for (std::size_t n = 0; n < count; ++n) {
    TaskPlan plan;
    plan.registration.key = {"g1", "t" + std::to_string(n)};
    plan.stages = {{0ms, Status::in_progress, std::uint8_t{0}}, {1h, Status::success, std::uint8_t{100}}};
    scenario.tasks.push_back(std::move(plan));
  }
  return scenario;
}

}  // namespace

TEST_CASE("tasks spread evenly over daemons that come, and go to the others when one is paused") {
  using namespace std::chrono_literals;
  const Scenario scenario = long_tasks(300);
  Sharing sharing;
  sharing.daemons.resize(3);
  sharing.daemons[1].comes = 1min;
  sharing.daemons[2].comes = 2min;
  sharing.daemons[2].pauses = {Span{10min, 12min}};
  Cluster cluster(scenario, sharing);
  CHECK(cluster.run_until(4min).broken().empty());
  for (const std::size_t held : cluster.held()) {
    CHECK(held >= 79);
    CHECK(held <= 111);  // a third, and a tenth more
  }
  CHECK(cluster.run_until(10min + 40s).broken().empty());
  CHECK(cluster.held()[0] + cluster.held()[1] == 300);
  CHECK(cluster.run_until(15min).broken().empty());
  CHECK(cluster.held()[2] >= 79);
}

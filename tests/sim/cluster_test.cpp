#include "tests/sim/cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "daemon/core/schedule_lessons.hpp"

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

/// Tasks that run for so long, and daemons that nothing befalls.
Scenario tasks_of(std::size_t count, milliseconds length, milliseconds apart = {}) {
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
    plan.asked_at = plan.submitted = n * apart;
    plan.stages = {{0ms, Status::in_progress, std::uint8_t{0}}, {length, Status::success, std::uint8_t{100}}};
    scenario.tasks.push_back(std::move(plan));
  }
  return scenario;
}

/// Tasks of which the database knows how long they took.
std::uint32_t ends_known(const Cluster& cluster) {
  std::uint32_t sum = 0;
  for (const auto& [gateway, state] : cluster.learned()) {
    const auto book = read_lessons(state);
    REQUIRE(book);
    for (const auto& [action, lessons] : *book) sum += lessons.ended;
  }
  return sum;
}

/// What every daemon that lives expects, in seconds.
std::vector<float> medians(const Cluster& cluster) {
  std::vector<float> all;
  for (const GatewayView& view : cluster.views()) {
    REQUIRE(view.beliefs.size() == 1);
    all.push_back(view.beliefs.front().median_s);
  }
  return all;
}

}  // namespace

TEST_CASE("tasks spread evenly over daemons that come, and go to the others when one is paused") {
  using namespace std::chrono_literals;
  const Scenario scenario = tasks_of(300, 1h);
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

TEST_CASE("what each daemon learns all of them know a minute later, and who comes after it, and no lesson is lost") {
  using namespace std::chrono_literals;
  Scenario scenario = tasks_of(120, 100s, 5s);  // nobody would expect so long from the recorded timings
  scenario.tasks.push_back(tasks_of(1, 1h).tasks.front());
  scenario.tasks.back().registration.key.id = "goes on";
  Sharing sharing;
  sharing.daemons.resize(4);
  sharing.daemons[3].comes = 14min;
  Cluster cluster(scenario, sharing);
  CHECK(cluster.run_until(12min).broken().empty());  // the last has ended a few seconds ago
  CHECK(cluster.run_until(15min).broken().empty());
  CHECK(ends_known(cluster) == 120);
  const auto all = medians(cluster);
  REQUIRE(all.size() == 4);
  for (const float median : all) {
    CHECK(median > 90);
    CHECK(median < 110);
  }
}

TEST_CASE("a daemon's lessons are not lost with it, but for those of its last minute") {
  using namespace std::chrono_literals;
  Scenario scenario = tasks_of(60, 100s, 1s);
  Sharing sharing;
  sharing.daemons.resize(2);
  sharing.daemons[1].comes = 1min;
  sharing.daemons[0].dies = 4min + 5s;
  Cluster cluster(scenario, sharing);
  CHECK(cluster.run_until(4min + 1s).broken().empty());
  CHECK(ends_known(cluster) == 60);
  CHECK(cluster.run_until(12min).broken().empty());
  CHECK(cluster.crashes() == 1);
  const auto all = medians(cluster);
  REQUIRE(all.size() == 2);
  for (const float median : all) CHECK(median > 90);
  CHECK(ends_known(cluster) == 60);
}

#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/sim/minimise.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/world.hpp"

using namespace mjwatchd;
using namespace mjwatchd::sim;

namespace {

/// Seeds that once showed a bug; each stays.
std::vector<std::uint64_t> found_seeds() {
  std::ifstream file(SEEDS_FILE);
  std::vector<std::uint64_t> seeds;
  for (std::string line; std::getline(file, line);) {
    std::uint64_t seed = 0;
    if (std::istringstream(line) >> seed) seeds.push_back(seed);
  }
  return seeds;
}

struct Outcome {
  std::vector<std::string> broken;
  std::uint64_t fingerprint = 0, steps = 0, crashes = 0;
};

Outcome run(const Scenario& scenario, Fault fault = Fault::none) {
  World world(scenario, Findings::Trace::none, fault);
  const Findings& findings = world.run();
  return {findings.broken(), findings.fingerprint(), world.steps(), world.crashes()};
}

Outcome check(std::uint64_t seed) {
  Outcome outcome = run(draw(seed));
  for (const std::string& what : outcome.broken) {
    FAIL_CHECK("seed " << seed << ": " << what << "\n  see it with sim --seed " << seed);
  }
  return outcome;
}

}  // namespace

TEST_CASE("whatever goes wrong, every task ends once and is told of") {
  constexpr std::uint64_t kSeeds = 200;  // the program sim runs thousands
  Outcome sum;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome outcome = check(seed);
    sum.steps += outcome.steps;
    sum.crashes += outcome.crashes;
  }
  MESSAGE(kSeeds << " worlds, " << sum.steps << " steps, " << sum.crashes << " crashes");
  // A simulation in which nothing goes wrong shows nothing.
  CHECK(sum.crashes > kSeeds);
}

TEST_CASE("seeds that once showed a bug show it no more") {
  const auto seeds = found_seeds();
  REQUIRE(seeds.size() >= 10);
  for (const std::uint64_t seed : seeds) check(seed);
}

TEST_CASE("a seed repeats its world exactly") {
  for (const std::uint64_t seed : {3U, 17U, 99U}) {
    CHECK(run(draw(seed)).fingerprint == run(draw(seed)).fingerprint);
  }
  CHECK(run(draw(3)).fingerprint != run(draw(4)).fingerprint);
}

TEST_CASE("a world's crashes can be repeated by their list") {
  Scenario scenario = draw(3);
  World drawn(scenario);
  const std::uint64_t fingerprint = drawn.run().fingerprint();
  REQUIRE(!drawn.deaths().empty());
  scenario.deaths = drawn.deaths();
  CHECK(run(scenario).fingerprint == fingerprint);
}

TEST_CASE("a failing world is reduced to what its failure needs") {
  // A mistake that is made at each chance, so that one task is enough to show it.
  constexpr Fault kFault = Fault::absence_called_loss;
  std::uint64_t seed = 1;
  // A small one, for it is run again and again.
  while (draw(seed).tasks.size() > 20 || run(draw(seed), kFault).broken.empty()) ++seed;
  const Scenario whole = draw(seed);
  const Minimum minimum = minimise(whole, kFault, 200);
  CHECK_FALSE(run(minimum.scenario, kFault).broken.empty());
  CHECK(minimum.parts.size() < parts_of(whole).size());
  CHECK(minimum.scenario.tasks.size() <= 2);
}

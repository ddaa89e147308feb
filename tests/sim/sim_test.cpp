#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/sim/scenario.hpp"
#include "tests/sim/world.hpp"

using namespace mjwatchd;
using namespace mjwatchd::sim;

namespace {

/// Seeds that once showed a bug; each stays.
const std::vector<std::uint64_t> kRegressions{5, 40, 174, 564, 1188, 1945, 2229, 2385, 2478, 2772};

struct Outcome {
  std::vector<std::string> broken;
  std::uint64_t fingerprint = 0, steps = 0, crashes = 0;
};

Outcome run(std::uint64_t seed, bool trace = false) {
  const Scenario scenario = draw(seed);
  World world(scenario, trace);
  const Findings& findings = world.run();
  return {findings.broken(), findings.fingerprint(), world.steps(), world.crashes()};
}

Outcome check(std::uint64_t seed, bool trace = false) {
  const Outcome outcome = run(seed, trace);
  for (const std::string& what : outcome.broken) {
    FAIL_CHECK("seed " << seed << ": " << what << "\n  rerun with MJWATCHD_SIM_SEED=" << seed << " test_sim");
  }
  return outcome;
}

std::optional<std::uint64_t> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("whatever goes wrong, every task ends once and is told of") {
  if (const auto seed = number_of("MJWATCHD_SIM_SEED")) {
    check(*seed, true);
    return;
  }
  const std::uint64_t seeds = number_of("MJWATCHD_SIM_SEEDS").value_or(300);
  Outcome sum;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Outcome outcome = check(seed);
    sum.steps += outcome.steps;
    sum.crashes += outcome.crashes;
  }
  MESSAGE(seeds << " worlds, " << sum.steps << " steps, " << sum.crashes << " crashes");
  // A simulation in which nothing goes wrong shows nothing.
  CHECK(sum.crashes > seeds);
}

TEST_CASE("seeds that once showed a bug show it no more") {
  for (const std::uint64_t seed : kRegressions) check(seed);
}

TEST_CASE("a seed repeats its world exactly") {
  for (const std::uint64_t seed : {3U, 17U, 99U}) CHECK(run(seed).fingerprint == run(seed).fingerprint);
  CHECK(run(3).fingerprint != run(4).fingerprint);
}

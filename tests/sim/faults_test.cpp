#include <doctest/doctest.h>

#include <string>

#include "tests/sim/world.hpp"

using namespace mjwatchd::sim;

TEST_CASE("each mistake made on purpose is found within its number of worlds") {
  for (const FaultFacts& fact : faults()) {
    bool caught = false;
    for (std::uint64_t seed = 1; seed <= fact.seeds && !caught; ++seed) {
      const Scenario scenario = draw(seed);
      caught = !World(scenario, Findings::Trace::none, fact.fault).run().broken().empty();
    }
    CHECK_MESSAGE(caught, std::string(fact.name) << " is not found in " << fact.seeds << " worlds");
  }
}

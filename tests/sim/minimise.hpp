// What of a scenario is needed for its failure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/saboteur.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

/// One thing that goes wrong, or one task: what can be taken out of a scenario by itself.
struct Part {
  std::string name;
  std::function<void(Scenario&)> take_out;
};
[[nodiscard]] std::vector<Part> parts_of(const Scenario& scenario);

struct Minimum {
  Scenario scenario;               ///< fails still
  std::vector<std::string> parts;  ///< what is left in it
  std::size_t runs = 0;
};

/// Takes parts out as long as the scenario still fails, large shares first (Zeller and Hildebrandt's
/// ddmin, 2002), in at most `most_runs` runs. `failing` must fail.
[[nodiscard]] Minimum minimise(const Scenario& failing, Fault fault, std::size_t most_runs = 600);

}  // namespace mjwatchd::sim

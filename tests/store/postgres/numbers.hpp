// Whether what was answered is what is written.
#pragma once

#include <vector>

#include "tests/store/state.hpp"

namespace mjwatchd::store::test {

/// All these answers say `done`; the list's events are numbered 1, 2, 3, … without a gap, nothing is told twice, and
/// each event and delivery that was answered stands there under the number that was said.
void check_written(State& state, const std::vector<CommitResult>& answers);

}  // namespace mjwatchd::store::test

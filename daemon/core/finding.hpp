#pragma once

#include <optional>

#include "daemon/core/task_table.hpp"
#include "mjwatchd/change.hpp"
#include "mjwatchd/settings.hpp"

namespace mjwatchd {

/// What a look at a task means: fills in an empty change to be committed, whose key is the caller's to set. False, and
/// the change is none, when all is as it was: then the snapshot is not taken.
/// Pure: the committed state and the snapshot in, the change out.
[[nodiscard]] bool find_change(const Task& task, Snapshot&& snapshot, const WatchSettings& watch, Now now,
                               change::Task& change);

/// Whether the status or progress that was seen differ from what is committed. A status that says
/// nothing (null, an unknown word) and a progress left out are no difference.
[[nodiscard]] bool moved(const Task& task, Status status, std::optional<std::uint8_t> progress);

}  // namespace mjwatchd

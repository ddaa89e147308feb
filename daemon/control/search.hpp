// Lists of tasks that are looked for by more than an index can find.
#pragma once

#include <functional>
#include <vector>

#include "daemon/control/desk.hpp"

namespace mjwatchd::control {

/// How many tasks are looked through for one page: of texts, and of what stands in the rows themselves. So a
/// question takes the store's reader for a fraction of a second, however many tasks there are and however few fit.
inline constexpr TaskNo kTextsAtOnce = 20'000, kRowsAtOnce = 200'000;

/// Answers what fits, newest first, and the cursor of the next page: the page may be short, even empty, and still
/// have one. 0: everything was looked through, or it could not be read. `desk` must outlive it.
void search_tasks(Desk& desk, TaskQuery query, std::function<void(const Listing<TaskView>& found, TaskNo next)> done);

}  // namespace mjwatchd::control

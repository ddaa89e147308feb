// What one task object says.
#pragma once

#include <string>
#include <vector>

#include "daemon/gateway/json.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::gateway {

/// The ids an object carries, the likeliest first. Servers that keep rows of their own have the row's
/// number under "id" and the task's under "taskId", "mj_id", ….
[[nodiscard]] std::vector<std::string> ids_of(const Json& value);

/// Whether the object is a task, not a wrapper or an error: it has an id and a task's field, or
/// `without_id` a status and at least two more of a task's fields.
[[nodiscard]] bool is_task(const Json& value, bool without_id = false);

/// Pure. The object as a snapshot of the task `id` (which the object may lack).
[[nodiscard]] Snapshot make_snapshot(const Json& task, std::string id);

/// Digest of what counts as a change (Snapshot::digest): every field that says something, in any
/// order, but for links while the task runs (they differ at each look) and what only repeats others
/// or tells the time of asking. Never 0.
[[nodiscard]] std::uint64_t digest_of(const Json& task, Status status);

}  // namespace mjwatchd::gateway

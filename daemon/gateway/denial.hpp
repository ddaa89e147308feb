// How gateways say that they don't know a task.
#pragma once

#include <string_view>

namespace mjwatchd::gateway {

/// Pure. Whether a gateway's words ("task_no_found ", "Task 17 does not exist", "关联任务不存在") deny the
/// task itself; not whether something else about it was not found ("no such host for task 17"): a
/// denial counts towards task.lost.
[[nodiscard]] bool denies_task(std::string_view words);

}  // namespace mjwatchd::gateway

// What is known of a task, after one more reply.
#pragma once

#include <string>
#include <string_view>

namespace mjwatchd::gateway {

/// Pure. The stored object with the fresh one laid over it: a fresh value wins unless it is empty
/// (null, "", [], {}, and 0 for times) where the stored one is not; fields only the stored one has stay. Objects inside
/// (properties …) are merged by the same rule.
/// When the fresh one is the task's success and the stored one is from before, the stored picture links are left out:
/// they led to previews.
/// Either may be empty (no object yet). Both are JSON objects.
[[nodiscard]] std::string merge_objects(std::string_view stored, std::string_view fresh);

/// Pure. The same for whatever merge_plainly() leaves alone, and somewhat slower.
[[nodiscard]] std::string merge_trees(std::string_view stored, std::string_view fresh);

/// Pure. Likewise one object inside over another, without what is said of picture links.
[[nodiscard]] std::string lay_over(std::string_view stored, std::string_view fresh);

}  // namespace mjwatchd::gateway

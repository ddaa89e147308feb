// Laying one task's object over another without making trees of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mjwatchd::gateway {

/// Pure. What merge_objects() answers, with each value as it was sent but for blanks between tokens; strings are not
/// escaped anew. Nothing when a text needs repair, has escapes in the name of a member, or is anything but an object
/// of few members: then the tree knows what to make of it. `stored` may be empty.
[[nodiscard]] std::optional<std::string> merge_plainly(std::string_view stored, std::string_view fresh);

}  // namespace mjwatchd::gateway

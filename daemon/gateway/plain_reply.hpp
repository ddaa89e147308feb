// The reply that nearly all calls get, read without a tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/task.hpp"

namespace mjwatchd::gateway {

/// Pure. The tasks of a reply that is what the API promises: an array of objects, each with one of the
/// `asked` ids under "id" and a status, none twice. The same snapshots as the tree's, their objects kept
/// as they were sent. Nothing when the reply is anything else, or needs any
/// forgiveness: then the tree is to judge it.
[[nodiscard]] std::optional<std::vector<Snapshot>> read_plain_reply(std::string_view body,
                                                                    const std::vector<std::string>& asked);

}  // namespace mjwatchd::gateway

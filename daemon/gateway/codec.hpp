// The wire's replies, decoded. Pure: text in, what it says out; nothing in a reply can do more harm
// than to be called nonsense.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/event.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::gateway {

/// What the body of a 2xx reply holds: `answered` with tasks, or why not (unknown_task, nonsense, and
/// refused or throttled for an error object that says so).
struct Decoded {
  FetchReply::Verdict verdict = FetchReply::Verdict::nonsense;
  std::vector<Snapshot> tasks;  ///< one for each id at most, and only ids that were asked for
  std::string detail;           ///< one line, not freed of secrets
};

/// The reply to list-by-condition. What is no task in a list is left out and told in `detail`; a list
/// of which nothing is understood is nonsense. Of an id told twice the more advanced one counts.
[[nodiscard]] Decoded decode_batch(std::string_view body, const std::vector<std::string>& asked);

/// The reply to fetch. An empty body, a null and an error that denies the task: unknown_task.
[[nodiscard]] Decoded decode_one(std::string_view body, const std::string& asked);

/// Whether the body of a 400 to a single fetch denies that the gateway knows the task.
[[nodiscard]] bool is_denial(std::string_view body);

/// The reply to image-seed, whatever its status. `detail` is one line, not freed of secrets.
[[nodiscard]] Gateway::Seed decode_seed(int http_status, std::string_view body);

}  // namespace mjwatchd::gateway

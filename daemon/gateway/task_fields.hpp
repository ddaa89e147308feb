// How servers spell the values of a task's fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/gateway/json.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::gateway {

/// The status a value stands for: the seven words in any case, and what other dialects call them
/// (FINISHED, TASK_STATUS_SUCCEED, FAILED, …). Status::unknown for anything else, numbers included.
[[nodiscard]] Status read_status(const Json* value);

/// 0–100 from 47, "47", "47%", "(47%) relaxed"; nothing for free text and for what is outside.
[[nodiscard]] std::optional<std::uint8_t> read_progress(const Json* value);

/// A moment from Unix seconds, milli-, micro- or nanoseconds, as a number or in a string, or from ISO
/// 8601 text with a zone. Text without a zone is some server's local time (one was recorded at +08:00)
/// and tells nothing. Nothing, too, for what lies before 2001 or after 2200.
[[nodiscard]] std::optional<WallTime> read_time(const Json* value);

/// The characters of a string or a number; empty for anything else.
[[nodiscard]] std::string read_word(const Json* value);

/// Whether a field of that name holds a moment. Inline: it is asked of every key of a reply.
[[nodiscard]] inline bool is_time(std::string_view key) {
  if (!key.ends_with("ime")) return false;  // most
  return key == "submitTime" || key == "startTime" || key == "finishTime" || key == "submit_time" ||
         key == "start_time" || key == "finish_time";
}

/// Whether the field named `key` says nothing: empty, or a time that is 0.
[[nodiscard]] bool says_nothing(std::string_view key, const Json& value);

}  // namespace mjwatchd::gateway

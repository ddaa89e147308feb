// Timelines of tasks, recorded or invented: what a gateway would have answered, and when.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "mjwatchd/task.hpp"

namespace mjwatchd::client {

using std::chrono::milliseconds;

/// From `at` on (since the task's submission) the gateway answers this.
struct TracePoint {
  milliseconds at{};
  Status status = Status::unknown;
  std::optional<std::uint8_t> progress;
};

/// One task's life. Moments are counted from the trace's beginning.
struct TraceTask {
  std::string id, action;
  milliseconds submitted{};
  std::vector<TracePoint> timeline;  ///< in order of time, nothing after a final status

  /// What holds at that moment; nothing before the timeline begins.
  [[nodiscard]] const TracePoint* seen_at(milliseconds moment) const;
  [[nodiscard]] std::optional<milliseconds> started() const;  ///< first IN_PROGRESS
  [[nodiscard]] std::optional<milliseconds> ended() const;
};

/// In order of submission; ids differ.
using Trace = std::vector<TraceTask>;

/// A task unfinished this long after its submission is dropped; the calls for it count.
inline constexpr milliseconds kPatience = std::chrono::minutes(20);

/// When nobody watches the task any longer although it has not ended; nothing if it ends before.
[[nodiscard]] std::optional<milliseconds> dropped(const TraceTask& task);

/// Reads JSON lines {"id","action","submit_ms","timeline":[[offset_ms,"STATUS","progress"],…]}.
/// Throws Trouble(error) that names the line and what is wrong with it.
[[nodiscard]] Trace read_trace(std::istream& in, const std::string& name);

}  // namespace mjwatchd::client

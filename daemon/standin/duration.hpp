// Durations and sizes as people type them on the command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mjwatchd::standin {

using std::chrono::milliseconds;

/// "250ms", "5s", "10m", "24h", "30d"; nothing for anything else, a bare number included, and for
/// more than 100 years.
[[nodiscard]] std::optional<milliseconds> parse_duration(std::string_view text);

/// "20KB", "1MB", "64MiB", "512B"; nothing for anything else, a bare number included.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace mjwatchd::standin

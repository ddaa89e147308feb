// How a line of the log is written. Pure; what is logged may come from anywhere, so nothing in it can
// begin a line, a field or a terminal command of its own.
#pragma once

#include <spdlog/common.h>

#include <chrono>
#include <string>
#include <string_view>

namespace mjwatchd::os {

/// "2026-11-23T13:08:00.123Z info text\n", control characters as \xNN.
[[nodiscard]] std::string text_line(std::chrono::system_clock::time_point at, spdlog::level::level_enum level,
                                    std::string_view text);
/// {"time":"…","level":"info","message":"…"} and a line break; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_line(std::chrono::system_clock::time_point at, spdlog::level::level_enum level,
                                    std::string_view text);
/// Fields of the journal's native protocol: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER.
[[nodiscard]] std::string journal_datagram(std::string_view identifier, spdlog::level::level_enum level,
                                           std::string_view text);
/// "<6>text\n": what systemd reads from a service's stderr, sd-daemon(3).
[[nodiscard]] std::string prefixed_line(spdlog::level::level_enum level, std::string_view text);

/// The level's word in the configuration: trace, debug, info, warn, error, off.
[[nodiscard]] std::string_view level_word(spdlog::level::level_enum level);

}  // namespace mjwatchd::os

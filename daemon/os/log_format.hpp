// How a line of the log is written. Pure; what is logged may come from anywhere, so nothing in it can
// begin a line, a field or a terminal command of its own.
#pragma once

#include <spdlog/common.h>

#include <chrono>
#include <string>
#include <string_view>

namespace mjwatchd::os {

/// What a line is about. Empty ones are left out.
struct About {
  std::string_view task{};
  std::string_view gateway{};
  std::string_view endpoint{};
  std::string_view delivery{};
  bool folds = true;  ///< false for a line that answers a person, who may ask the same again
};

/// "2026-11-23T13:08:00.123Z info text delivery=7\n", control characters as \xNN. At the end stands what it
/// is about, as far as the text doesn't say it itself.
[[nodiscard]] std::string text_line(std::chrono::system_clock::time_point at, spdlog::level::level_enum level,
                                    std::string_view text, const About& about = {});
/// {"time":"…","level":"info","message":"…","task_id":…,"gateway":…,"endpoint":…,"delivery_id":…} and a line
/// break; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_line(std::chrono::system_clock::time_point at, spdlog::level::level_enum level,
                                    std::string_view text, const About& about = {});
/// Fields of the journal's native protocol: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, and of what it is about
/// TASK_ID, GATEWAY, ENDPOINT and DELIVERY_ID.
[[nodiscard]] std::string journal_datagram(std::string_view identifier, spdlog::level::level_enum level,
                                           std::string_view text, const About& about = {});
/// "<6>text\n": what systemd reads from a service's stderr, sd-daemon(3).
[[nodiscard]] std::string prefixed_line(spdlog::level::level_enum level, std::string_view text);

/// The text with its URLs cut to what can hold no secret: without user info, and "?…" for the query.
[[nodiscard]] std::string without_secrets(std::string_view text);

/// The level's word in the configuration: trace, debug, info, warn, error, off.
[[nodiscard]] std::string_view level_word(spdlog::level::level_enum level);

}  // namespace mjwatchd::os

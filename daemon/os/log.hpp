// Sets spdlog's default logger up. Everything else in the daemon just calls spdlog::info() and its sisters,
// or note() for a line about a task, a gateway, an endpoint or a delivery.
//
// Trouble (warn and above) that repeats is folded: the first line is written, the same within a minute is
// counted and told once. No line holds a URL's user info or query.
#pragma once

#include <spdlog/common.h>

#include <string>
#include <string_view>

#include "daemon/os/log_format.hpp"

namespace mjwatchd::os {

/// `level` and `format` are words of the configuration (log.level, log.format); `auto` is the
/// journal's native protocol when stderr is connected to the journal, else text on stderr.
/// Throws std::invalid_argument for other words. May be called again, as at a reload.
void set_up_log(const std::string& level, const std::string& format, const std::string& identifier = "mjwatchd");

/// Changes the level alone. Throws std::invalid_argument for an unknown word.
void set_log_level(const std::string& level);

/// A line about something. Two lines are the same when level, gateway, endpoint and text are, so what
/// differs from one to the next, as a task's id does, belongs into `about` and not into the text.
void note(spdlog::level::level_enum level, const About& about, std::string_view text);

/// Writes what was counted for a minute; called now and then, so that a count is told though nothing else is.
void tend_log();

/// Whether stderr is what $JOURNAL_STREAM names ("device:inode", systemd.exec(5)).
[[nodiscard]] bool stderr_is_journal();

}  // namespace mjwatchd::os

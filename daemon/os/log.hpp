// Sets spdlog's default logger up. Everything else in the daemon just calls spdlog::info() and its sisters.
#pragma once

#include <string>

namespace mjwatchd::os {

/// `level` and `format` are words of the configuration (log.level, log.format); `auto` is the
/// journal's native protocol when stderr is connected to the journal, else text on stderr.
/// Throws std::invalid_argument for other words. May be called again, as at a reload.
void set_up_log(const std::string& level, const std::string& format, const std::string& identifier = "mjwatchd");

/// Changes the level alone. Throws std::invalid_argument for an unknown word.
void set_log_level(const std::string& level);

/// Whether stderr is what $JOURNAL_STREAM names ("device:inode", systemd.exec(5)).
[[nodiscard]] bool stderr_is_journal();

}  // namespace mjwatchd::os

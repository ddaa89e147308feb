// An event as a stream says it.
#pragma once

#include <string>

#include "mjwatchd/change.hpp"

namespace mjwatchd::control {

enum class StreamFormat { server_sent, lines };

/// Pure. Server-sent events carry id (none for what is not recorded), event and data; a line is the
/// body with the id put in front. Both end in their separator.
[[nodiscard]] std::string event_text(const CommittedEvent& event, StreamFormat format);

/// How a stream begins. `after`: what comes next comes after this event, so that who is cut off before the first one
/// can resume, too; less than 0 when that is not known. Lines have it in the head's Last-Event-ID.
[[nodiscard]] std::string greeting(StreamFormat format, EventNo after);

/// What keeps an idle stream alive, and readers' hands off. `after` as above: who waits for what is rare resumes after
/// something recent, that is still kept; but lines have no place for it.
[[nodiscard]] std::string heartbeat(StreamFormat format, EventNo after);

/// Which of the two an Accept header prefers.
[[nodiscard]] StreamFormat format_of(std::string_view accept);

}  // namespace mjwatchd::control

// An event as a stream says it.
#pragma once

#include <string>

#include "mjwatchd/change.hpp"

namespace mjwatchd::control {

enum class StreamFormat { server_sent, lines };

/// Pure. Server-sent events carry id (none for what is not recorded), event and data; a line is the
/// body with the id put in front. Both end in their separator.
[[nodiscard]] std::string event_text(const CommittedEvent& event, StreamFormat format);

/// What keeps an idle stream alive, and readers' hands off.
[[nodiscard]] std::string heartbeat(StreamFormat format);

/// Which of the two an Accept header prefers.
[[nodiscard]] StreamFormat format_of(std::string_view accept);

}  // namespace mjwatchd::control

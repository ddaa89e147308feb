// A request's target taken apart.
#pragma once

#include <string_view>

#include "daemon/http/server.hpp"

namespace mjwatchd::http {

/// Fills `path` and `query` from a target such as "/v1/tasks/x?wait=30s"; the absolute form
/// "http://host/path", which proxies send, is taken too, and "*". In the query "+" is a space, as forms
/// write it. Null when it is good, else a sentence that says what is wrong: bad percent-encoding, an
/// encoded NUL, a byte that has to be encoded, or more than 64 segments or 256 parameters.
[[nodiscard]] const char* split_target(std::string_view target, ServerRequest& request);

}  // namespace mjwatchd::http

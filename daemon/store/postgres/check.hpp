// Looks a PostgreSQL watch list over without changing it.
#pragma once

#include <string>

#include "daemon/store/check.hpp"

namespace mjwatchd::store {

/// What must hold between the rows, at one moment of them, whatever daemons write meanwhile. Whether the server's
/// own files are sound is for its tools (pg_amcheck, checksums) to say.
/// Throws std::runtime_error that says what, where and the cure when it can't be read at all.
[[nodiscard]] CheckReport check_postgres(const std::string& url, const std::string& password);

}  // namespace mjwatchd::store

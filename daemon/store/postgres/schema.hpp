// The tables, and how an earlier version's become today's.
#pragma once

#include "daemon/store/postgres/connection.hpp"

namespace mjwatchd::store::postgres {

/// The version of the tables that this program writes.
constexpr int kSchemaVersion = 2;

/// Makes the tables, or brings them up to date: one daemon at a time, by an advisory lock. Throws
/// std::runtime_error that says what, where and the cure: they are another program's, or of a newer version.
void migrate(Connection& db);
/// The same without changing anything: they are there, and of this version.
void need_schema(Connection& db);

/// The channel over which the daemons of one watch list call to each other.
[[nodiscard]] std::string channel(Connection& db);

}  // namespace mjwatchd::store::postgres

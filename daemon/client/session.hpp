// What every command works with.
#pragma once

#include <string>
#include <vector>

#include "daemon/client/connection.hpp"
#include "daemon/client/terminal.hpp"

namespace mjwatchd::client {

/// The line to the daemon, and how to write.
struct Session {
  Connection daemon;
  Terminal terminal;
  bool json = false;
};

/// "/v1/tasks/ID" with "?gateway=G" when one is named, and `tail` between: "", "/refresh", ….
[[nodiscard]] std::string task_path(const std::string& id, const std::string& gateway, const std::string& tail = {});
/// "?a=b&c=d" of the pairs with a value; empty when there are none.
[[nodiscard]] std::string query(const std::vector<std::pair<std::string, std::string>>& parameters);
/// Milliseconds of "250ms", "5s", "10m", "24h", "30d"; throws Trouble(usage) for anything else.
[[nodiscard]] long long parse_duration_ms(const std::string& text);
/// Writes and flushes; throws Trouble(error) when standard output is gone or full.
void print(const std::string& text);

}  // namespace mjwatchd::client

// Looks a store over without changing it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace mjwatchd::store {

/// What looking it over came to: sound when nothing is wrong.
struct CheckReport {
  std::vector<std::string> wrong;  ///< a sentence each, with examples
  std::int64_t tasks = 0, events = 0, deliveries = 0;
};

/// `sql` answers a row for each thing that is wrong: a text that names it.
struct CheckRule {
  const char* wrong;
  const char* sql;
};
/// What must hold between the rows whatever database they are in, by the same SQL.
[[nodiscard]] std::span<const CheckRule> common_rules();
/// Adds a line to `wrong`, with examples, if there is anything.
template <typename Db>
void ask_rule(Db& db, const CheckRule& rule, std::vector<std::string>& wrong);

/// Reads the whole file: SQLite's own integrity check, then what must hold between the rows (numbers
/// counted, events numbered once, one final event a task, deliveries of events that are there, …).
/// Takes no lock that a running daemon would feel, sees one moment of the store, and changes nothing.
/// Throws std::runtime_error that says what, where and the cure when the file can't be read at all.
[[nodiscard]] CheckReport check_store(const std::filesystem::path& file);

}  // namespace mjwatchd::store

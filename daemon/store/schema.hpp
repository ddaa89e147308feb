// The tables of the watch list, and how older files come up to date.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "daemon/store/sqlite.hpp"

namespace mjwatchd::store {

/// The version this program writes (PRAGMA user_version).
constexpr int kSchemaVersion = 4;

/// In the table meta: when the list was moved to another database.
constexpr const char* kMovedMark = "moved_at";
/// Whether a list that was moved is opened all the same.
enum class Moved : bool { refused, allowed };

/// Opens the file for writing, in WAL mode and synced at each commit, and brings its tables up to
/// date: `getting_on`, if any, is called again and again meanwhile, for with millions of rows that takes minutes.
/// Throws std::runtime_error: damaged, of a newer version, not ours, no room, read-only, or moved to another database.
[[nodiscard]] std::unique_ptr<Connection> open_for_writing(const std::filesystem::path& file,
                                                           Moved moved = Moved::refused,
                                                           const std::function<void()>& getting_on = {});

/// A second connection, that only reads. The file is open for writing already.
[[nodiscard]] std::unique_ptr<Connection> open_for_reading(const std::filesystem::path& file);

/// Opens a file that a daemon may be writing, to look it over; changes nothing. Throws as the others do.
[[nodiscard]] std::unique_ptr<Connection> open_for_checking(const std::filesystem::path& file);

}  // namespace mjwatchd::store

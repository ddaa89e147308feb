// SQLite's C API, with owners and errors.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "daemon/store/blob.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd::store {

/// What SQLite could not do, and what follows from it.
class SqliteError : public std::runtime_error {
 public:
  /// `code` is SQLite's extended result code, `os_error` the errno of the call behind it, if any.
  SqliteError(int code, int os_error, const std::string& what);
  [[nodiscard]] int code() const { return code_; }
  /// No room: nothing is lost, and it can go better when there is room again.
  [[nodiscard]] bool full() const;
  /// The disk or the file is not to be trusted any more: nothing may be written after this.
  [[nodiscard]] bool fatal() const;

 private:
  int code_;
  int os_error_;
};

class Query;

/// One connection and its prepared statements, kept by their text. Used by one thread at a time.
class Connection {
 public:
  using Query = store::Query;

  /// Opens a file that exists. Throws SqliteError.
  explicit Connection(const std::filesystem::path& file);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs a statement, or several if there is nothing to bind, and ignores rows.
  template <typename... Values>
  void run(std::string_view sql, const Values&... values);
  /// Several statements, as in a schema.
  void script(const std::string& sql);
  /// The single number a statement answers; 0 when it has no row.
  template <typename... Values>
  [[nodiscard]] std::int64_t number(std::string_view sql, const Values&... values);

  [[nodiscard]] std::int64_t last_row() const { return sqlite3_last_insert_rowid(db_); }
  [[nodiscard]] std::int64_t changed() const { return sqlite3_changes64(db_); }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  [[nodiscard]] sqlite3* handle() const { return db_; }
  [[noreturn]] void fail(int code, std::string_view doing) const;
  /// Moves what is in the log into the file, as far as readers allow; true when that was all of it.
  bool checkpoint();

 private:
  friend class store::Query;
  using Idle = std::vector<sqlite3_stmt*>;
  /// Those of one text that nobody uses; the place stays where it is.
  struct Taken {
    sqlite3_stmt* statement;
    Idle& place;
  };
  [[nodiscard]] Taken take(std::string_view sql);
  [[nodiscard]] int os_error(int code) const;
  static void give_back(const Taken& taken);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  sqlite3* db_ = nullptr;
  bool checkpointing_ = false;
  std::unordered_map<std::string, Idle, Hash, std::equal_to<>> idle_;
};

/// One run of a statement, from its first row to its end. `db` must outlive it.
class Query {
 public:
  template <typename... Values>
  Query(Connection& db, std::string_view sql, const Values&... values) : Query(Texts::copied, db, sql, values...) {}
  ~Query() { Connection::give_back(taken_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds the parameters one by one, for statements put together from parts; the first is 1.
  void bind(int at, std::int64_t value);
  void bind(int at, std::string_view value);
  void bind(int at, const std::string& value) { bind(at, std::string_view(value)); }
  void bind(int at, const char* value) { bind(at, std::string_view(value)); }
  void bind(int at, Blob value);
  void bind(int at, std::nullptr_t);
  void bind(int at, WallTime value) { bind(at, std::int64_t{value.time_since_epoch().count()}); }
  template <typename Number>
  requires(std::integral<Number> || std::is_enum_v<Number>) void bind(int at, Number value) {
    bind(at, static_cast<std::int64_t>(value));
  }
  template <typename Value>
  void bind(int at, const std::optional<Value>& value) {
    if (value) {
      bind(at, *value);
    } else {
      bind(at, nullptr);
    }
  }

  /// Goes to the next row; false after the last.
  [[nodiscard]] bool next();
  [[nodiscard]] bool null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] WallTime time(int column) const { return WallTime(milliseconds(integer(column))); }
  template <typename Value>
  [[nodiscard]] Value as(int column) const {
    return static_cast<Value>(integer(column));
  }
  template <typename Value>
  [[nodiscard]] std::optional<Value> maybe(int column) const {
    if (null(column)) return std::nullopt;
    if constexpr (std::is_same_v<Value, WallTime>) {
      return time(column);
    } else {
      return as<Value>(column);
    }
  }

 private:
  friend class Connection;
  enum class Texts : bool { copied, lent };
  /// Texts that are lent outlive it.
  template <typename... Values>
  Query(Texts texts, Connection& db, std::string_view sql, const Values&... values)
      : db_(db), taken_(db.take(sql)), statement_(taken_.statement), lent_(texts == Texts::lent) {
    try {
      int at = 0;
      (bind(++at, values), ...);
    } catch (...) {
      Connection::give_back(taken_);
      throw;
    }
  }
  void check(int code) const;
  [[nodiscard]] sqlite3_destructor_type keeping() const { return lent_ ? SQLITE_STATIC : SQLITE_TRANSIENT; }

  Connection& db_;
  const Connection::Taken taken_;
  sqlite3_stmt* const statement_;
  const bool lent_;
};

template <typename... Values>
void Connection::run(std::string_view sql, const Values&... values) {
  Query query(Query::Texts::lent, *this, sql, values...);
  while (query.next()) {
  }
}

template <typename... Values>
std::int64_t Connection::number(std::string_view sql, const Values&... values) {
  Query query(Query::Texts::lent, *this, sql, values...);
  return query.next() ? query.integer(0) : 0;
}

}  // namespace mjwatchd::store

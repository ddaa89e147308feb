// libpq's C API, with owners and errors.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "daemon/store/postgres/error.hpp"
#include "daemon/store/postgres/value.hpp"

namespace mjwatchd::store::postgres {

/// Where the database is, and who we are to it.
struct Address {
  std::string url;               ///< postgresql://…, without a password
  std::string password;          ///< empty: libpq's own ways (~/.pgpass, peer, …)
  milliseconds patience{5'000};  ///< no transaction of ours waits longer, for us or for a lock
};

/// What a statement answered, from its first row to its last. Columns are read as SQLite's are.
class Rows {
 public:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Result = std::unique_ptr<PGresult, Clear>;

  Rows() = default;
  explicit Rows(Result result) : result_(std::move(result)) {}

  /// Goes to the next row; false after the last.
  [[nodiscard]] bool next() { return result_ && ++row_ < PQntuples(result_.get()); }
  [[nodiscard]] bool null(int column) const { return PQgetisnull(result_.get(), row_, column) != 0; }
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] WallTime time(int column) const { return WallTime(milliseconds(integer(column))); }
  template <typename Number>
  [[nodiscard]] Number as(int column) const {
    return static_cast<Number>(integer(column));
  }
  template <typename Kind>
  [[nodiscard]] std::optional<Kind> maybe(int column) const {
    if (null(column)) return std::nullopt;
    if constexpr (std::is_same_v<Kind, WallTime>) {
      return time(column);
    } else {
      return as<Kind>(column);
    }
  }
  /// Of the last row, wherever it stands now.
  [[nodiscard]] std::int64_t last(int column) const;
  /// Rows that the statement wrote, or answered.
  [[nodiscard]] std::int64_t changed() const;

 private:
  Result result_;
  int row_ = -1;
};

/// One connection and its prepared statements, kept by their text. Used by one thread at a time. Statements
/// are written as SQLite's are: "?" or "?1" for a parameter, and an "OR FAIL" is left out.
/// Everything throws PostgresError.
class Connection {
 public:
  class Query;

  explicit Connection(const Address& address);

  template <typename... Values>
  void run(std::string_view sql, const Values&... values) {
    changed_ = exec(sql, {Value(values)...}).changed();
  }
  /// Several statements, as in a schema.
  void script(const std::string& sql);
  /// The single number a statement answers; 0 when it has no row.
  template <typename... Values>
  [[nodiscard]] std::int64_t number(std::string_view sql, const Values&... values) {
    Rows rows = exec(sql, {Value(values)...});
    return rows.next() && !rows.null(0) ? rows.integer(0) : 0;
  }
  [[nodiscard]] Rows exec(std::string_view sql, const std::vector<Value>& values);

  /// Statements that go out together, and whose answers come back in one round trip.
  struct Statement {
    std::string_view sql;
    std::vector<Value> values;
  };
  [[nodiscard]] std::vector<Rows> together(const std::vector<Statement>& statements);

  [[nodiscard]] std::int64_t last_row() { return number("SELECT lastval()"); }
  [[nodiscard]] std::int64_t changed() const { return changed_; }
  [[nodiscard]] bool in_transaction() const { return PQtransactionStatus(db_.get()) != PQTRANS_IDLE; }
  [[nodiscard]] bool good() const { return PQstatus(db_.get()) == CONNECTION_OK; }
  [[nodiscard]] int socket() const { return PQsocket(db_.get()); }
  /// What other sessions said meanwhile, of what came over the socket.
  [[nodiscard]] std::vector<std::string> notes();

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  [[nodiscard]] const std::string& prepared(std::string_view sql);
  [[nodiscard]] Rows checked(Rows::Result result) const;
  [[noreturn]] void fail(const PGresult* result) const;

  std::unique_ptr<PGconn, Finish> db_;
  std::int64_t changed_ = 0;
  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> prepared_;
};

/// One run of a statement, begun by the first next().
class Connection::Query : public Rows {
 public:
  template <typename... Values>
  Query(Connection& db, std::string_view sql, const Values&... values)
      : db_(db), sql_(sql), values_{Value(values)...} {}

  /// Parameters one by one, in their order; the first is 1.
  template <typename Kind>
  void bind(int at, const Kind& value) {
    if (values_.size() < static_cast<std::size_t>(at)) values_.resize(static_cast<std::size_t>(at), Value(nullptr));
    values_[static_cast<std::size_t>(at) - 1] = Value(value);
  }
  [[nodiscard]] bool next() {
    if (!begun_) static_cast<Rows&>(*this) = db_.exec(sql_, values_);
    begun_ = true;
    return Rows::next();
  }

 private:
  Connection& db_;
  std::string sql_;
  std::vector<Value> values_;
  bool begun_ = false;
};

}  // namespace mjwatchd::store::postgres

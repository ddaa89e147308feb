#include "daemon/store/sqlite.hpp"

#include <cerrno>
#include <system_error>

namespace mjwatchd::store {
namespace {

constexpr int kBusyMs = 10'000;  ///< someone may be reading the file with another tool

/// Nobody asks how much memory SQLite uses, and to know it all threads wait for each other at each piece.
void count_no_memory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(once);
}

bool no_room(int os_error) { return os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG; }

// SQLite says "disk I/O error" of a dozen things; the code and the system's word tell which.
std::string explained(int code, int os_error, const std::string& what) {
  if ((code & 0xff) != SQLITE_IOERR && (code & 0xff) != SQLITE_CANTOPEN) return what;
  const std::string reason = os_error == 0 ? "" : ": " + std::generic_category().message(os_error);
  return what + " (SQLite's code " + std::to_string(code) + reason + ")";
}

}  // namespace

SqliteError::SqliteError(int code, int os_error, const std::string& what)
    : std::runtime_error(explained(code, os_error, what)), code_(code), os_error_(os_error) {}

bool SqliteError::full() const {
  if ((code_ & 0xff) == SQLITE_FULL) return true;
  // SQLite knows a full disk only by ENOSPC; a quota and a limit of the process are no broken disk either.
  return (code_ == SQLITE_IOERR_WRITE || code_ == SQLITE_IOERR_SHMSIZE || code_ == SQLITE_IOERR_TRUNCATE) &&
         no_room(os_error_);
}

bool SqliteError::fatal() const {
  switch (code_ & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
      return true;
    case SQLITE_IOERR:
      return !full() && code_ != SQLITE_IOERR_NOMEM;
    default:
      return false;
  }
}

Connection::Connection(const std::filesystem::path& file) {
  count_no_memory();
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(file.c_str(), &db_, flags, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_busy_timeout(db_, kBusyMs);
    return;
  }
  const std::string text = db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
  const int os_error = db_ != nullptr ? sqlite3_system_errno(db_) : 0;
  sqlite3_close_v2(db_);
  throw SqliteError(code, os_error, text);
}

Connection::~Connection() {
  for (auto& [sql, statements] : idle_) {
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  }
  sqlite3_close_v2(db_);
}

// sqlite3_system_errno() is often overwritten by what SQLite did after the failure; its files know better.
int Connection::os_error(int code) const {
  if ((code & 0xff) != SQLITE_IOERR) return sqlite3_system_errno(db_);
  sqlite3_file* file = nullptr;  // the log, to which all but a checkpoint writes
  const int which =
      code == SQLITE_IOERR_WRITE && !checkpointing_ ? SQLITE_FCNTL_JOURNAL_POINTER : SQLITE_FCNTL_FILE_POINTER;
  int error = 0;
  if (sqlite3_file_control(db_, nullptr, which, &file) == SQLITE_OK && file != nullptr && file->pMethods != nullptr) {
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error != 0 ? error : sqlite3_system_errno(db_);
}

bool Connection::checkpoint() {
  int in_log = 0;
  int moved = 0;
  checkpointing_ = true;
  const int code = sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  const int error = code == SQLITE_OK ? 0 : os_error(code);
  checkpointing_ = false;
  const int kind = code & 0xff;
  if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED) return false;
  if (code != SQLITE_OK) throw SqliteError(code, error, sqlite3_errmsg(db_));
  return in_log == moved;
}

void Connection::fail(int code, std::string_view doing) const {
  const SqliteError error(code, os_error(code), sqlite3_errmsg(db_));
  const int kind = code & 0xff;
  if (kind != SQLITE_IOERR && kind != SQLITE_CANTOPEN && kind != SQLITE_FULL) {
    throw SqliteError(code, 0, std::string(error.what()) + " [" + std::string(doing.substr(0, 60)) + "]");
  }
  throw error;
}

void Connection::script(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
}

Connection::Taken Connection::take(std::string_view sql) {
  const auto found = idle_.find(sql);
  if (found != idle_.end() && !found->second.empty()) {
    sqlite3_stmt* const statement = found->second.back();
    found->second.pop_back();
    return {statement, found->second};
  }
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
  // The place it comes back to is made now: giving back must not fail.
  auto& place = idle_[std::string(sql)];
  place.reserve(place.capacity() + 1);
  return {statement, place};
}

void Connection::give_back(const Taken& taken) {
  sqlite3_reset(taken.statement);  // repeats the error of the last step, which was reported then
  sqlite3_clear_bindings(taken.statement);
  taken.place.push_back(taken.statement);
}

void Query::check(int code) const {
  if (code != SQLITE_OK) db_.fail(code, sqlite3_sql(statement_));
}

void Query::bind(int at, std::int64_t value) { check(sqlite3_bind_int64(statement_, at, value)); }

void Query::bind(int at, std::string_view value) {
  // A null pointer would bind NULL where an empty text is meant.
  const char* const bytes = value.data() == nullptr ? "" : value.data();
  check(sqlite3_bind_text64(statement_, at, bytes, value.size(), keeping(), SQLITE_UTF8));
}

void Query::bind(int at, Blob value) {
  const char* const bytes = value.bytes.data() == nullptr ? "" : value.bytes.data();
  check(sqlite3_bind_blob64(statement_, at, bytes, value.bytes.size(), keeping()));
}

void Query::bind(int at, std::nullptr_t) { check(sqlite3_bind_null(statement_, at)); }

bool Query::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.fail(code, sqlite3_sql(statement_));
  return false;
}

std::string Query::text(int column) const {
  const void* const bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

}  // namespace mjwatchd::store

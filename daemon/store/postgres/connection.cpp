#include "daemon/store/postgres/connection.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace mjwatchd::store::postgres {
namespace {

constexpr unsigned kBytes = 17;  ///< PostgreSQL's number of the type bytea

std::string one_line(const char* message) {
  std::string text = message;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

/// "?" and "?1" as "$1"; conflict clauses that only SQLite has are left out.
std::string translated(std::string_view sql) {
  constexpr std::string_view clause = " OR FAIL";
  std::string out;
  int last = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql.substr(i).starts_with(clause)) {
      i += clause.size() - 1;
    } else if (sql[i] != '?') {
      out += sql[i];
    } else {
      out += '$';
      const bool numbered = i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9';
      if (!numbered) out += std::to_string(++last);
    }
  }
  return out;
}

struct Parameters {
  explicit Parameters(const std::vector<Value>& values) {
    for (const Value& value : values) {
      pointers.push_back(value.null ? nullptr : value.bytes.data());
      lengths.push_back(static_cast<int>(value.bytes.size()));
      formats.push_back(value.binary ? 1 : 0);
    }
  }
  [[nodiscard]] int count() const { return static_cast<int>(pointers.size()); }
  std::vector<const char*> pointers;
  std::vector<int> lengths, formats;
};

void ignore_notice(void*, const PGresult*) {}

}  // namespace

std::int64_t Rows::integer(int column) const {
  const char* text = PQgetvalue(result_.get(), row_, column);
  if (*text == 't') return 1;
  std::int64_t number = 0;
  std::from_chars(text, text + PQgetlength(result_.get(), row_, column), number);
  return number;
}

std::string Rows::text(int column) const {
  const char* text = PQgetvalue(result_.get(), row_, column);
  if (PQftype(result_.get(), column) != kBytes) {
    return {text, static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  std::size_t size = 0;
  const std::unique_ptr<unsigned char, decltype(&PQfreemem)> bytes(
      PQunescapeBytea(reinterpret_cast<const unsigned char*>(text), &size), &PQfreemem);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes.get()), size) : std::string();
}

std::int64_t Rows::last(int column) const {
  const char* text = PQgetvalue(result_.get(), PQntuples(result_.get()) - 1, column);
  std::int64_t number = 0;
  std::from_chars(text, text + std::strlen(text), number);
  return number;
}

std::int64_t Rows::changed() const {
  const std::string_view text = result_ ? PQcmdTuples(result_.get()) : "";
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Connection::Connection(const Address& address) {
  // What stands before the URL is what it may say otherwise.
  std::vector<const char*> keys{"application_name", "connect_timeout", "tcp_user_timeout", "target_session_attrs"};
  std::vector<const char*> values{"mjwatchd", "5", "10000", "read-write"};
  const auto add = [&](const char* key, const char* value) {
    keys.push_back(key);
    values.push_back(value);
  };
  add("dbname", address.url.c_str());
  if (!address.password.empty()) add("password", address.password.c_str());
  add("client_encoding", "UTF8");
  keys.push_back(nullptr);
  values.push_back(nullptr);
  db_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
  if (!good()) throw PostgresError("", one_line(PQerrorMessage(db_.get())));
  PQsetNoticeReceiver(db_.get(), ignore_notice, nullptr);
  const std::string patience = std::to_string(address.patience.count());
  // A statement_timeout of the role or the server is meant for others: a list of a million is made ready, and read, for
  // longer than that. What waits for others waits for a lock.
  script("SET synchronous_commit = on; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = " +
         patience + "; SET lock_timeout = " + patience + "; SET default_transaction_isolation = 'read committed'");
}

void Connection::script(const std::string& sql) {
  static_cast<void>(checked(Rows::Result(PQexec(db_.get(), sql.c_str()))));
}

Rows Connection::exec(std::string_view sql, const std::vector<Value>& values) {
  const std::string& name = prepared(sql);
  const Parameters p(values);
  return checked(Rows::Result(
      PQexecPrepared(db_.get(), name.c_str(), p.count(), p.pointers.data(), p.lengths.data(), p.formats.data(), 0)));
}

std::vector<Rows> Connection::together(const std::vector<Statement>& statements) {
  std::vector<const std::string*> names;
  for (const Statement& one : statements) names.push_back(&prepared(one.sql));
  if (PQenterPipelineMode(db_.get()) != 1) fail(nullptr);
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const Parameters p(statements[i].values);
    if (PQsendQueryPrepared(db_.get(), names[i]->c_str(), p.count(), p.pointers.data(), p.lengths.data(),
                            p.formats.data(), 0) != 1) {
      fail(nullptr);
    }
  }
  if (PQpipelineSync(db_.get()) != 1) fail(nullptr);
  std::vector<Rows> answers;
  std::optional<PostgresError> wrong;
  for (std::size_t i = 0; i <= statements.size(); ++i) {  // the last one is the mark of the end
    Rows::Result result(PQgetResult(db_.get()));
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (!wrong && status != PGRES_PIPELINE_ABORTED) {
      try {
        answers.push_back(checked(std::move(result)));
      } catch (const PostgresError& error) {
        wrong = error;
      }
    }
    if (!good()) break;
    static_cast<void>(Rows::Result(PQgetResult(db_.get())));  // each answer ends with a nothing
  }
  if (good()) PQexitPipelineMode(db_.get());
  if (wrong) throw *wrong;
  return answers;
}

std::vector<std::string> Connection::notes() {
  struct Free {
    void operator()(PGnotify* note) const { PQfreemem(note); }
  };
  if (PQconsumeInput(db_.get()) != 1) fail(nullptr);
  std::vector<std::string> list;
  for (;;) {
    const std::unique_ptr<PGnotify, Free> note(PQnotifies(db_.get()));
    if (!note) return list;
    list.emplace_back(note->extra);
  }
}

const std::string& Connection::prepared(std::string_view sql) {
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) return found->second;
  std::string name = "s" + std::to_string(prepared_.size());
  static_cast<void>(checked(Rows::Result(PQprepare(db_.get(), name.c_str(), translated(sql).c_str(), 0, nullptr))));
  return prepared_.emplace(std::string(sql), std::move(name)).first->second;
}

Rows Connection::checked(Rows::Result result) const {
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(result.get());
  return Rows(std::move(result));
}

void Connection::fail(const PGresult* result) const {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string what = one_line(primary != nullptr ? primary : PQerrorMessage(db_.get()));
  if (what.empty()) what = "the connection to PostgreSQL was lost";
  throw PostgresError(!good() || state == nullptr ? "" : state, what);
}

}  // namespace mjwatchd::store::postgres

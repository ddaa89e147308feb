#include "daemon/store/postgres/import.hpp"

#include <array>
#include <chrono>
#include <stdexcept>
#include <vector>

#include "daemon/store/check.hpp"
#include "daemon/store/postgres/common_key.hpp"
#include "daemon/store/postgres/schema.hpp"
#include "daemon/store/receiver_row.hpp"
#include "daemon/store/schema.hpp"
#include "daemon/store/sqlite.hpp"
#include "daemon/store/state_folder.hpp"

namespace mjwatchd::store {
namespace {

using postgres::Value;

/// A table that both have. Its columns are read by the kinds: i number, t text, b bytes.
struct Table {
  const char* name;
  const char* columns;
  std::string_view kinds;
  const char* more = "";    ///< columns that only PostgreSQL has
  const char* values = "";  ///< and what SQLite is asked for them
};

// What has the holder 0, nobody, is taken up by the first daemon that comes; deliveries go with their task, if it is
// still there.
constexpr std::array kTables{
    Table{"tasks",
          "no, gateway, id, phase, status, previous, ending, action, progress, digest, save, seed, stalled, "
          "registered_at, expire_at, changed_at, submitted_at, started_at, finished_at, success_at, ended_at, "
          "link_expires_at, sequence, events, listed",
          "ittiiiitiiiiiiiiiiiiiiiii", ", holder", ", 0"},
    Table{"task_texts", "task, given, metadata, object, images", "itttt"},
    Table{"receivers", "no, name, grp, disabled, reason, changed_at, failing_since", "ittitii"},
    Table{"targets", "no, task, receiver, url, secret, events, format", "iiitbii"},
    Table{"events", "no, task, gateway, id, type, sequence, at, webhook_id, body", "iittiiitt", ", daemon", ", 0"},
    Table{"bodies", "event, format, body", "iit"},
    Table{"deliveries",
          "no, event, receiver, target, format, state, attempts, due, reason, created_at, task, sequence, type",
          "iiiiiiiitiiii", ", holder", ", CASE WHEN state IN (0, 2) AND task NOT IN (SELECT no FROM tasks) THEN 0 END"},
    Table{"attempts",
          "delivery, number, http_status, fault, retry_after, detail, answer, started_at, dns, connect, tls, "
          "first_byte, total",
          "iiiiibbiiiiii"},
    Table{"learned", "gateway, state", "tt"},
};

constexpr std::size_t kTogether = 256;                  ///< rows in one round trip
constexpr std::chrono::milliseconds kPatience{60'000};  // nobody else is there, but a disk may be slow

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error("--import-from: " + why); }

std::string question_marks(std::size_t count) {
  std::string marks = "?";
  for (std::size_t i = 1; i < count; ++i) marks += ",?";
  return marks;
}

std::vector<Value> values_of(const Query& row, std::string_view kinds) {
  std::vector<Value> values;
  for (int column = 0; column < static_cast<int>(kinds.size()); ++column) {
    if (row.null(column)) {
      values.emplace_back(nullptr);
    } else if (kinds[static_cast<std::size_t>(column)] == 'i') {
      values.emplace_back(row.integer(column));
    } else if (kinds[static_cast<std::size_t>(column)] == 'b') {
      values.emplace_back(Blob{row.text(column)});
    } else {
      values.emplace_back(row.text(column));
    }
  }
  return values;
}

/// One import, its source locked and its target in one transaction.
class Import {
 public:
  Import(Connection& from, const webhooks::SecretBox& secrets, postgres::Connection& to,
         const webhooks::SecretBox& new_secrets, const ImportProgress& progress)
      : from_(from), secrets_(secrets), to_(to), new_secrets_(new_secrets), progress_(progress) {}

  void run() {
    need_empty();
    postgres::need_same_key(to_, new_secrets_);
    to_.script("ALTER TABLE tasks DISABLE TRIGGER USER; ALTER TABLE deliveries DISABLE TRIGGER USER");
    for (const Table& table : kTables) move(table);
    count();
    seal_anew();
    go_on_numbering();
  }

 private:
  /// Under a lock, so that no daemon comes meanwhile.
  void need_empty() {
    to_.script("LOCK TABLE daemons, tasks, events, deliveries IN ACCESS EXCLUSIVE MODE");
    if (to_.number("SELECT count(*) FROM daemons WHERE beat + lease > clock_timestamp()") != 0) {
      refuse(
          "a mjwatchd works on the PostgreSQL watch list: stop all that share it (after a kill -9, wait for `lease`)");
    }
    for (const char* table : {"tasks", "events", "deliveries", "receivers"}) {
      if (to_.number("SELECT count(*) WHERE EXISTS (SELECT 1 FROM " + std::string(table) + ")") != 0) {
        refuse("the PostgreSQL watch list is not empty (" + std::string(table) +
               "): a list is moved into a new database or schema only. Was it moved before? Then start mjwatchd");
      }
    }
  }

  void move(const Table& table) {
    const std::int64_t all = from_.number("SELECT count(*) FROM " + std::string(table.name));
    const bool extended = *table.more != '\0';
    const std::string kinds = std::string(table.kinds) + (extended ? "i" : "");
    const std::string sql = "INSERT INTO " + std::string(table.name) + "(" + table.columns + table.more + ") VALUES (" +
                            question_marks(kinds.size()) + ")";
    Query row(from_, "SELECT " + std::string(table.columns) + table.values + " FROM " + table.name);
    std::vector<postgres::Connection::Statement> rows;
    std::int64_t done = 0;
    const auto write = [&] {
      static_cast<void>(to_.together(rows));
      done += static_cast<std::int64_t>(rows.size());
      rows.clear();
      progress_(table.name, done, all);
    };
    while (row.next()) {
      rows.push_back({sql, values_of(row, kinds)});
      if (rows.size() == kTogether) write();
    }
    if (!rows.empty()) write();
  }

  /// Once, not after each row.
  void count() {
    to_.script(
        "INSERT INTO counters SELECT phase, count(*) FROM tasks GROUP BY phase;"
        "INSERT INTO counters SELECT 10 + state, count(*) FROM deliveries GROUP BY state;"
        "ALTER TABLE tasks ENABLE TRIGGER USER; ALTER TABLE deliveries ENABLE TRIGGER USER");
  }

  /// The secrets that were given with tasks, under the key of all daemons.
  void seal_anew() {
    Query row(from_,
              "SELECT no, secret, url, "
              "coalesce((SELECT gateway FROM tasks WHERE tasks.no = task), (SELECT gateway FROM deliveries JOIN events "
              "ON events.no = event WHERE target = targets.no LIMIT 1), ''), "
              "coalesce((SELECT id FROM tasks WHERE tasks.no = task), (SELECT id FROM deliveries JOIN events "
              "ON events.no = event WHERE target = targets.no LIMIT 1), '') FROM targets WHERE length(secret) > 0");
    while (row.next()) {
      const std::string context = secret_context({row.text(3), row.text(4)}, row.text(2));
      const auto clear = secrets_.open(row.text(1), context);
      if (!clear) {
        refuse(
            "the secret that was given with task " + row.text(3) + "/" + row.text(4) +
            " does not open: secrets.key beside the database is not the one it was sealed under; put that one there");
      }
      to_.run("UPDATE targets SET secret = ? WHERE no = ?", Blob{new_secrets_.seal(*clear, context)}, row.integer(0));
    }
  }

  /// No number is given out twice, not even one whose row is gone.
  void go_on_numbering() {
    for (const char* table : {"tasks", "receivers", "targets", "deliveries"}) {
      const std::int64_t last = from_.number("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", table);
      if (last > 0) static_cast<void>(to_.number("SELECT setval(pg_get_serial_sequence(?, 'no'), ?)", table, last));
    }
    to_.run("UPDATE meta SET value = ? WHERE name = 'events'",
            from_.number("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'"));
    Query row(from_, "SELECT name, value FROM meta WHERE name <> ?", kMovedMark);
    while (row.next()) {
      to_.run("INSERT INTO meta(name, value) VALUES (?, ?) ON CONFLICT(name) DO NOTHING", row.text(0), row.integer(1));
    }
  }

  Connection& from_;
  const webhooks::SecretBox& secrets_;
  postgres::Connection& to_;
  const webhooks::SecretBox& new_secrets_;
  const ImportProgress& progress_;
};

void mark(Connection& db, bool moved) {
  db.run("DELETE FROM meta WHERE name = ?", kMovedMark);
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  if (moved) db.run("INSERT INTO meta(name, value) VALUES (?, ?)", kMovedMark, WallTime(now));
}

}  // namespace

ImportReport import_sqlite(const std::filesystem::path& folder, const webhooks::SecretBox& secrets,
                           const ImportTarget& target, const ImportProgress& progress) {
  const auto locked = StateFolder::without_database(folder);
  const auto file = locked.database();
  const auto from = open_for_writing(file, Moved::allowed);
  if (const auto report = check_store(file); !report.wrong.empty()) {
    refuse(file.string() + " is not sound: " + report.wrong.front() + "; see mjwatchd --check-store");
  }
  try {
    postgres::Connection to(postgres::Address{target.address.url, target.address.password, kPatience});
    postgres::migrate(to);
    to.run("BEGIN");
    Import(*from, secrets, to, target.secrets, progress).run();
    // The mark comes first: whatever happens between the two, no list is ever alive twice.
    mark(*from, true);
    try {
      to.run("COMMIT");
    } catch (...) {
      if (to.good()) mark(*from, false);
      throw;
    }
  } catch (const postgres::PostgresError& error) {
    refuse("PostgreSQL says: " + std::string(error.what()));
  }
  return {from->number("SELECT count(*) FROM tasks"), from->number("SELECT count(*) FROM events"),
          from->number("SELECT count(*) FROM deliveries")};
}

}  // namespace mjwatchd::store

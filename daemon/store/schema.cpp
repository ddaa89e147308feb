#include "daemon/store/schema.hpp"

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <string>

namespace mjwatchd::store {
namespace {

constexpr std::int64_t kApplicationId = 0x6d6a7764;  ///< "mjwd": marks the file as ours

// Enumerations are stored as their numbers: their order in include/mjwatchd is part of the format.
// Times are milliseconds since 1970. What is long is kept apart from what is looked at often.
constexpr const char* kTables = R"sql(
CREATE TABLE tasks(
  no INTEGER PRIMARY KEY AUTOINCREMENT,
  gateway TEXT NOT NULL, id TEXT NOT NULL,
  phase INTEGER NOT NULL, status INTEGER NOT NULL,
  previous INTEGER,               -- status before the last look; NULL: it was the first
  ending INTEGER NOT NULL, action TEXT NOT NULL, progress INTEGER, digest INTEGER NOT NULL,
  save INTEGER NOT NULL, seed INTEGER NOT NULL, stalled INTEGER NOT NULL,
  registered_at INTEGER NOT NULL, expire_at INTEGER NOT NULL, changed_at INTEGER NOT NULL,
  submitted_at INTEGER, started_at INTEGER, finished_at INTEGER,
  success_at INTEGER NOT NULL, ended_at INTEGER, link_expires_at INTEGER,
  sequence INTEGER NOT NULL,      -- events recorded so far
  events INTEGER,                 -- the registration's own filter
  listed INTEGER NOT NULL);       -- 1: targets are all receivers; 0: those of the default list too
CREATE UNIQUE INDEX tasks_key ON tasks(id, gateway);
CREATE INDEX tasks_live ON tasks(no) WHERE phase <> 3;
CREATE INDEX tasks_ended ON tasks(ended_at) WHERE phase = 3;

CREATE TABLE task_texts(
  task INTEGER PRIMARY KEY, given TEXT NOT NULL, metadata TEXT NOT NULL,
  object TEXT NOT NULL, images TEXT NOT NULL);

CREATE TABLE receivers(
  no INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, grp TEXT NOT NULL,
  disabled INTEGER NOT NULL, reason TEXT NOT NULL, changed_at INTEGER NOT NULL);
CREATE INDEX receivers_disabled ON receivers(no) WHERE disabled = 1;

-- A receiver of one task. Stays while a delivery needs its URL and secret, even without the task.
CREATE TABLE targets(
  no INTEGER PRIMARY KEY AUTOINCREMENT, task INTEGER NOT NULL, receiver INTEGER NOT NULL,
  url TEXT NOT NULL,              -- empty: a configured endpoint
  secret BLOB NOT NULL,           -- sealed; empty: none
  events INTEGER, format INTEGER NOT NULL);
CREATE UNIQUE INDEX targets_task ON targets(task, receiver);
CREATE INDEX targets_receiver ON targets(receiver);

CREATE TABLE events(
  no INTEGER PRIMARY KEY AUTOINCREMENT, task INTEGER NOT NULL,
  gateway TEXT NOT NULL, id TEXT NOT NULL, type INTEGER NOT NULL, sequence INTEGER NOT NULL,
  at INTEGER NOT NULL, webhook_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX events_key ON events(id, gateway);
CREATE INDEX events_at ON events(at);

-- An event's body in other formats than the standard one.
CREATE TABLE bodies(event INTEGER NOT NULL, format INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE(event, format));

CREATE TABLE deliveries(
  no INTEGER PRIMARY KEY AUTOINCREMENT, event INTEGER NOT NULL, receiver INTEGER NOT NULL,
  target INTEGER,                 -- NULL: a configured endpoint
  format INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL,
  reason TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE INDEX deliveries_state ON deliveries(state);
CREATE INDEX deliveries_receiver ON deliveries(receiver, state);
CREATE INDEX deliveries_event ON deliveries(event);
CREATE INDEX deliveries_target ON deliveries(target) WHERE target IS NOT NULL;

CREATE TABLE attempts(
  delivery INTEGER NOT NULL, number INTEGER NOT NULL, http_status INTEGER NOT NULL, fault INTEGER NOT NULL,
  retry_after INTEGER, detail TEXT NOT NULL, answer TEXT NOT NULL, started_at INTEGER NOT NULL,
  dns INTEGER NOT NULL, connect INTEGER NOT NULL, tls INTEGER NOT NULL, first_byte INTEGER NOT NULL,
  total INTEGER NOT NULL, PRIMARY KEY(delivery, number)) WITHOUT ROWID;

CREATE TABLE learned(gateway TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- Tasks by phase (0-3) and deliveries by state (10-14), counted as they change.
CREATE TABLE counters(kind INTEGER PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO counters VALUES (0,0),(1,0),(2,0),(3,0),(10,0),(11,0),(12,0),(13,0),(14,0);
CREATE TRIGGER task_came AFTER INSERT ON tasks BEGIN
  UPDATE counters SET n = n + 1 WHERE kind = NEW.phase; END;
CREATE TRIGGER task_went AFTER DELETE ON tasks BEGIN
  UPDATE counters SET n = n - 1 WHERE kind = OLD.phase; END;
CREATE TRIGGER task_moved AFTER UPDATE OF phase ON tasks WHEN OLD.phase <> NEW.phase BEGIN
  UPDATE counters SET n = n - 1 WHERE kind = OLD.phase;
  UPDATE counters SET n = n + 1 WHERE kind = NEW.phase; END;
CREATE TRIGGER delivery_came AFTER INSERT ON deliveries BEGIN
  UPDATE counters SET n = n + 1 WHERE kind = 10 + NEW.state; END;
CREATE TRIGGER delivery_went AFTER DELETE ON deliveries BEGIN
  UPDATE counters SET n = n - 1 WHERE kind = 10 + OLD.state; END;
CREATE TRIGGER delivery_moved AFTER UPDATE OF state ON deliveries WHEN OLD.state <> NEW.state BEGIN
  UPDATE counters SET n = n - 1 WHERE kind = 10 + OLD.state;
  UPDATE counters SET n = n + 1 WHERE kind = 10 + NEW.state; END;
)sql";

constexpr const char* kFailing = R"sql(
ALTER TABLE receivers ADD COLUMN failing_since INTEGER;  -- NULL: had a success since it last failed
DROP INDEX receivers_disabled;
CREATE INDEX receivers_in_trouble ON receivers(no) WHERE disabled = 1 OR failing_since IS NOT NULL;
)sql";

/// What the core must know of a pending delivery stands with it: a million of them are taken up at a start
/// without turning the pages of their events, which are mostly bodies.
constexpr const char* kEventOfDelivery = R"sql(
ALTER TABLE deliveries ADD COLUMN task INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN type INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET (task, sequence, type) =
  (SELECT events.task, events.sequence, events.type FROM events WHERE events.no = deliveries.event)
  WHERE event IN (SELECT no FROM events);
)sql";

/// Most deliveries have arrived, and nobody looks for those by their state: that one arrives takes an entry away and
/// makes none. SQLite takes the second and the third for a question that has the same condition in it
/// (MJWATCHD_OPEN).
constexpr const char* kOpenDeliveries = R"sql(
DROP INDEX deliveries_state;
DROP INDEX deliveries_receiver;
CREATE INDEX deliveries_receiver ON deliveries(receiver);
CREATE INDEX deliveries_open ON deliveries(state) WHERE state <> 1;
CREATE INDEX deliveries_waiting ON deliveries(receiver, state) WHERE state <> 1;
)sql";

// Entry n brings a file of version n to version n + 1.
constexpr const char* kMigrations[kSchemaVersion] = {kTables, kFailing, kEventOfDelivery, kOpenDeliveries};

/// Before anything is changed in it: is the file one of ours, and not newer than we are?
std::int64_t known_version(Connection& db, const std::filesystem::path& file) {
  const std::int64_t version = db.number("PRAGMA user_version");
  const bool empty = db.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (version < 0 || (!empty && db.number("PRAGMA application_id") != kApplicationId)) {
    throw std::runtime_error(file.string() +
                             " is a database of another program: move it away, or set state_dir to another folder");
  }
  if (version > kSchemaVersion) {
    throw std::runtime_error(file.string() + " was written by a newer mjwatchd (its format is " +
                             std::to_string(version) + ", this one knows up to " + std::to_string(kSchemaVersion) +
                             "): install that version again, or set state_dir to another folder");
  }
  return version;
}

void set_up(Connection& db) { db.script("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY"); }

/// While it lives SQLite says now and then that it is getting on.
class Progress {
 public:
  Progress(Connection& db, const std::function<void()>& told) : db_(db) {
    if (told) sqlite3_progress_handler(db.handle(), kSteps, &tell, const_cast<std::function<void()>*>(&told));
  }
  ~Progress() { sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  static constexpr int kSteps = 100'000;  ///< of SQLite's machine: some milliseconds
  static int tell(void* told) {
    (*static_cast<const std::function<void()>*>(told))();
    return 0;  // go on
  }

  Connection& db_;
};

void migrate(Connection& db, std::int64_t version, const std::function<void()>& getting_on) {
  if (version == kSchemaVersion) return;
  const Progress progress(db, getting_on);
  if (version != 0) spdlog::info("the watch list is brought from format {} to {}", version, kSchemaVersion);
  db.script("PRAGMA temp_store = FILE");  // an index of millions is not sorted in memory
  db.run("BEGIN IMMEDIATE");
  for (auto from = static_cast<std::size_t>(version); from < kSchemaVersion; ++from) db.script(kMigrations[from]);
  db.script("PRAGMA application_id = " + std::to_string(kApplicationId));
  db.script("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  db.run("COMMIT");
  set_up(db);
}

/// Alive in two places, each event would be told twice.
void need_here(Connection& db, const std::filesystem::path& file) {
  Query row(db, "SELECT strftime('%Y-%m-%d %H:%M', value / 1000, 'unixepoch') FROM meta WHERE name = ?", kMovedMark);
  if (!row.next()) return;
  throw std::runtime_error("the watch list in " + file.string() + " was moved to PostgreSQL by --import-from on " +
                           row.text(0) +
                           " UTC: name that in store. To go on here instead, and only if no other "
                           "mjwatchd does there: sqlite3 " +
                           file.string() + " \"DELETE FROM meta WHERE name = '" + kMovedMark + "'\"");
}

void set_up_writing(Connection& db, const std::filesystem::path& file) {
  set_up(db);
  {
    Query mode(db, "PRAGMA journal_mode = WAL");
    if (!mode.next() || mode.text(0) != "wal") {
      throw std::runtime_error(file.string() + " can't be used in WAL mode: state_dir must be on a local disk");
    }
  }
  // Checkpoints are made by the writer, which looks at their errors; SQLite's own would hide a failed sync.
  db.script(
      "PRAGMA cache_size = -6144; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit "
      "= 67108864");
}

[[noreturn]] void explain(const SqliteError& error, const std::filesystem::path& file) {
  const std::string what = file.string() + ": " + error.what();
  switch (error.code() & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      throw std::runtime_error(file.string() + " is damaged (" + error.what() +
                               "): restore it from a backup, or move it and its -wal file away to start with an "
                               "empty watch list");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      throw std::runtime_error(what + "; the file and its folder must be writable for the user mjwatchd runs as");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw std::runtime_error(what + "; another program has it open: close that");
    default:
      break;
  }
  if (error.full()) throw std::runtime_error(what + "; free some space there");
  throw std::runtime_error(what);
}

}  // namespace

std::unique_ptr<Connection> open_for_writing(const std::filesystem::path& file, Moved moved,
                                             const std::function<void()>& getting_on) {
  try {
    auto db = std::make_unique<Connection>(file);
    const std::int64_t version = known_version(*db, file);
    set_up_writing(*db, file);
    migrate(*db, version, getting_on);
    if (moved == Moved::refused) need_here(*db, file);
    return db;
  } catch (const SqliteError& error) {
    explain(error, file);
  }
}

std::unique_ptr<Connection> open_for_reading(const std::filesystem::path& file) {
  try {
    auto db = std::make_unique<Connection>(file);
    set_up(*db);
    // What a reader misses lies in the system's cache, where the writer has just put it.
    db->script("PRAGMA query_only = ON; PRAGMA cache_size = -4096");
    static_cast<void>(db->number("PRAGMA user_version"));
    return db;
  } catch (const SqliteError& error) {
    explain(error, file);
  }
}

std::unique_ptr<Connection> open_for_checking(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    throw std::runtime_error(file.string() + " is not there: no mjwatchd has run with this state_dir yet");
  }
  try {
    auto db = std::make_unique<Connection>(file);
    // The last to close it would move the log into the file: whoever checks changes nothing.
    sqlite3_db_config(db->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    set_up(*db);
    db->script("PRAGMA query_only = ON");
    if (known_version(*db, file) != kSchemaVersion) {
      throw std::runtime_error(file.string() + " is empty or of an earlier version: start mjwatchd once, then check");
    }
    return db;
  } catch (const SqliteError& error) {
    explain(error, file);
  }
}

}  // namespace mjwatchd::store

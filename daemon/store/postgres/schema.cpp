#include "daemon/store/postgres/schema.hpp"

#include <stdexcept>

namespace mjwatchd::store::postgres {
namespace {

constexpr std::int64_t kMigrationLock = 0x6d6a77617463;  ///< "mjwatc"

// As in SQLite, with the same numbers for enumerations and times, and with what several daemons need:
// a task is its holder's as long as that daemon stands among `daemons`, and its deliveries go with it.
// A delivery of no task (any more) has a holder of its own. What is in no live daemon's hands is free.
constexpr const char* kTables = R"sql(
CREATE TABLE tasks(
  no bigserial PRIMARY KEY,
  gateway text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
  phase int NOT NULL, status int NOT NULL, previous int,
  ending int NOT NULL, action text NOT NULL, progress int, digest bigint NOT NULL,
  save int NOT NULL, seed int NOT NULL, stalled int NOT NULL,
  registered_at bigint NOT NULL, expire_at bigint NOT NULL, changed_at bigint NOT NULL,
  submitted_at bigint, started_at bigint, finished_at bigint,
  success_at bigint NOT NULL, ended_at bigint, link_expires_at bigint,
  sequence bigint NOT NULL, events bigint, listed int NOT NULL,
  holder bigint);
CREATE UNIQUE INDEX tasks_key ON tasks(id, gateway);
CREATE INDEX tasks_live ON tasks(holder, no) WHERE phase <> 3;
CREATE INDEX tasks_ended ON tasks(ended_at) WHERE phase = 3;

CREATE TABLE task_texts(
  task bigint PRIMARY KEY, given text NOT NULL, metadata text NOT NULL,
  object text NOT NULL, images text NOT NULL);

CREATE TABLE receivers(
  no bigserial PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE, grp text NOT NULL,
  disabled int NOT NULL, reason text NOT NULL, changed_at bigint NOT NULL, failing_since bigint);
CREATE INDEX receivers_in_trouble ON receivers(no) WHERE disabled = 1 OR failing_since IS NOT NULL;

CREATE TABLE targets(
  no bigserial PRIMARY KEY, task bigint NOT NULL, receiver bigint NOT NULL,
  url text NOT NULL, secret bytea NOT NULL, events bigint, format int NOT NULL);
CREATE UNIQUE INDEX targets_task ON targets(task, receiver);
CREATE INDEX targets_receiver ON targets(receiver);

CREATE TABLE events(
  no bigint PRIMARY KEY, task bigint NOT NULL,
  gateway text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, type int NOT NULL, sequence bigint NOT NULL,
  at bigint NOT NULL, webhook_id text NOT NULL, body text NOT NULL,
  daemon bigint NOT NULL);
CREATE INDEX events_key ON events(id, gateway);
CREATE INDEX events_at ON events(at);

CREATE TABLE bodies(event bigint NOT NULL, format int NOT NULL, body text NOT NULL, UNIQUE(event, format));

CREATE TABLE deliveries(
  no bigserial PRIMARY KEY, event bigint NOT NULL, receiver bigint NOT NULL, target bigint,
  format int NOT NULL, state int NOT NULL, attempts int NOT NULL, due bigint NOT NULL,
  reason text NOT NULL, created_at bigint NOT NULL,
  task bigint NOT NULL, sequence bigint NOT NULL, type int NOT NULL,
  holder bigint);
CREATE INDEX deliveries_pending ON deliveries(no) WHERE state = 0;
CREATE INDEX deliveries_waiting ON deliveries(task) WHERE state IN (0, 2);
CREATE INDEX deliveries_alone ON deliveries(holder) WHERE state = 0 AND holder IS NOT NULL;
CREATE INDEX deliveries_receiver ON deliveries(receiver, state);
CREATE INDEX deliveries_event ON deliveries(event);
CREATE INDEX deliveries_target ON deliveries(target) WHERE target IS NOT NULL;

CREATE TABLE attempts(
  delivery bigint NOT NULL, number bigint NOT NULL, http_status int NOT NULL, fault int NOT NULL,
  retry_after bigint, detail bytea NOT NULL, answer bytea NOT NULL, started_at bigint NOT NULL,
  dns bigint NOT NULL, connect bigint NOT NULL, tls bigint NOT NULL, first_byte bigint NOT NULL,
  total bigint NOT NULL, PRIMARY KEY(delivery, number));

CREATE TABLE learned(gateway text COLLATE "C" PRIMARY KEY, state text NOT NULL);
CREATE TABLE meta(name text PRIMARY KEY, value bigint NOT NULL);
-- Events are numbered under this row's lock, which is kept to the commit: who reads on from a number misses none.
INSERT INTO meta VALUES ('events', 0);

CREATE TABLE key_check(one int PRIMARY KEY, sealed bytea NOT NULL);  -- something sealed by all daemons' common key

CREATE TABLE daemons(
  no bigserial PRIMARY KEY, name text NOT NULL,
  beat timestamptz NOT NULL, lease interval NOT NULL,
  counts_from timestamptz NOT NULL);   -- a newcomer takes part from then on

-- Tasks by phase (0-3) and deliveries by state (10-14), counted as they change: what each statement did to them
-- is added as rows of its own, for a row that all daemons update would let one wait for the other.
CREATE TABLE counters(kind int NOT NULL, n bigint NOT NULL);
CREATE FUNCTION mjwatchd_count_tasks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO counters SELECT phase, count(*) FROM now_there GROUP BY phase;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO counters SELECT phase, -count(*) FROM was_there GROUP BY phase;
  ELSE
    INSERT INTO counters SELECT kind, sum(n) FROM (SELECT phase AS kind, 1 AS n FROM now_there
      UNION ALL SELECT phase, -1 FROM was_there) AS both_sides GROUP BY kind HAVING sum(n) <> 0;
  END IF;
  RETURN NULL; END $$;
CREATE TRIGGER task_came AFTER INSERT ON tasks REFERENCING NEW TABLE AS now_there
  FOR EACH STATEMENT EXECUTE FUNCTION mjwatchd_count_tasks();
CREATE TRIGGER task_went AFTER DELETE ON tasks REFERENCING OLD TABLE AS was_there
  FOR EACH STATEMENT EXECUTE FUNCTION mjwatchd_count_tasks();
CREATE TRIGGER task_moved AFTER UPDATE ON tasks REFERENCING OLD TABLE AS was_there NEW TABLE AS now_there
  FOR EACH STATEMENT EXECUTE FUNCTION mjwatchd_count_tasks();
CREATE FUNCTION mjwatchd_count_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO counters SELECT 10 + state, count(*) FROM now_there GROUP BY state;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO counters SELECT 10 + state, -count(*) FROM was_there GROUP BY state;
  ELSE
    INSERT INTO counters SELECT 10 + kind, sum(n) FROM (SELECT state AS kind, 1 AS n FROM now_there
      UNION ALL SELECT state, -1 FROM was_there) AS both_sides GROUP BY kind HAVING sum(n) <> 0;
  END IF;
  RETURN NULL; END $$;
CREATE TRIGGER delivery_came AFTER INSERT ON deliveries REFERENCING NEW TABLE AS now_there
  FOR EACH STATEMENT EXECUTE FUNCTION mjwatchd_count_deliveries();
CREATE TRIGGER delivery_went AFTER DELETE ON deliveries REFERENCING OLD TABLE AS was_there
  FOR EACH STATEMENT EXECUTE FUNCTION mjwatchd_count_deliveries();
CREATE TRIGGER delivery_moved AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS was_there NEW TABLE AS now_there
  FOR EACH STATEMENT EXECUTE FUNCTION mjwatchd_count_deliveries();

-- Deliveries outlive their task: from then on they have their holder's number themselves, or 0, nobody's.
CREATE FUNCTION mjwatchd_leave_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE deliveries SET holder = coalesce(OLD.holder, 0) WHERE task = OLD.no AND state IN (0, 2);
  RETURN OLD; END $$;
CREATE TRIGGER task_goes BEFORE DELETE ON tasks FOR EACH ROW EXECUTE FUNCTION mjwatchd_leave_deliveries();

-- The prompt in a gateway's object, for searching; none where PostgreSQL can't read it.
CREATE FUNCTION mjwatchd_prompt(object text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN
  RETURN coalesce(object::json ->> 'prompt', '');
EXCEPTION WHEN others THEN RETURN ''; END $$;
)sql";

// Rows are written again and again: with room beside them a new version stays on its page, and no index needs to
// hear of it (a look that brings progress costs half).
constexpr const char* kRoom = R"sql(
ALTER TABLE tasks SET (fillfactor = 60);
ALTER TABLE task_texts SET (fillfactor = 70);
)sql";

// Entry n brings tables of version n to version n + 1.
constexpr const char* kMigrations[kSchemaVersion] = {kTables, kRoom};

bool there(Connection& db, const char* table) {
  return db.number("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?", table) != 0;
}

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error("store: " + why); }

std::int64_t known_version(Connection& db) {
  if (db.number("SELECT count(*) FROM pg_database WHERE datname = current_database() AND encoding = 6") == 0) {
    refuse("the PostgreSQL database is not in UTF8: make another with CREATE DATABASE … ENCODING 'UTF8'");
  }
  if (db.number("SELECT count(*) WHERE current_schema() IS NULL") != 0) {
    refuse(
        "the PostgreSQL database has no schema to make tables in: CREATE SCHEMA, or name one with "
        "options=-csearch_path%3D…");
  }
  const bool meta = there(db, "meta");
  if (!meta && !there(db, "tasks")) return 0;
  const std::int64_t version = meta ? db.number("SELECT value FROM meta WHERE name = 'format'") : 0;
  if (version < 1) {
    refuse(
        "the PostgreSQL schema holds tables of another program: name another database, or another schema with "
        "options=-csearch_path%3D…");
  }
  if (version > kSchemaVersion) {
    refuse("the PostgreSQL database was written by a newer mjwatchd (its format is " + std::to_string(version) +
           ", this one knows up to " + std::to_string(kSchemaVersion) + "): install that version again");
  }
  return version;
}

}  // namespace

void migrate(Connection& db) {
  db.run("BEGIN");
  static_cast<void>(db.exec("SELECT pg_advisory_xact_lock(?)", {Value(kMigrationLock)}));
  const std::int64_t version = known_version(db);
  for (auto from = static_cast<std::size_t>(version); from < kSchemaVersion; ++from) db.script(kMigrations[from]);
  if (version < kSchemaVersion) {
    db.run("INSERT INTO meta VALUES ('format', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
           kSchemaVersion);
  }
  db.run("COMMIT");
}

void need_schema(Connection& db) {
  if (known_version(db) != kSchemaVersion) {
    refuse("the PostgreSQL database is empty or of an earlier version: start mjwatchd once, then check");
  }
}

std::string channel(Connection& db) {
  return "mjwatchd_" + std::to_string(db.number("SELECT current_schema()::regnamespace::oid::bigint"));
}

}  // namespace mjwatchd::store::postgres

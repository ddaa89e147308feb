// Others, and the database itself, are in the way of what is written.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "daemon/store/postgres/connection.hpp"
#include "tests/store/postgres/numbers.hpp"
#include "tests/store/postgres/peer.hpp"
#include "tests/store/postgres/relay.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

constexpr const char* kWaits = "pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'mjwatchd'";

change::Register told_everything(const std::string& id) {
  auto task = registration(id);
  task.registration.webhooks = {endpoint("all")};
  return task;
}

/// Tasks t1 and t2 of a daemon of their own.
struct List {
  explicit List(milliseconds lease = 15s, const std::string& options = {})
      : url(Server::instance().new_list()), relay(url + options), peer(relay.url(), lease) {
    for (const std::string id : {"t1", "t2"}) answers.push_back(peer.state.commit(told_everything(id)));
  }
  std::int64_t sql(const std::string& text) { return Server::instance().look(url, text); }
  /// Each row that is to be written to the table, and is so, is refused.
  void refuse(const std::string& table, const std::string& when, const std::string& state) {
    sql("CREATE SEQUENCE tries");
    sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF " + when +
        " THEN RAISE EXCEPTION 'refused' USING ERRCODE = '" + state + "'; END IF; RETURN NEW; END $$");
    sql("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON " + table + " FOR EACH ROW EXECUTE FUNCTION refuse()");
  }
  /// Both go on, and one ends.
  void go_on() {
    for (CommitResult& one : peer.state.commit_all(changes())) answers.push_back(std::move(one));
  }
  /// The same, answered later.
  void begin_to_go_on() {
    for (Change& one : changes()) {
      peer.state.store->commit(std::move(one), [this](CommitResult result) { answers.push_back(std::move(result)); });
    }
  }
  void until_answered() {
    run_until({&peer}, [this] { return answers.size() == 5; });
    check_written(peer.state, answers);
    CHECK(sql("SELECT count(*) FROM events") == 3);
  }

  static std::vector<Change> changes() { return {started("t1"), started("t2"), success("t2", kNoon + 3min)}; }

  std::string url;
  Relay relay;
  Peer peer;
  std::vector<CommitResult> answers;
};

}  // namespace

TEST_CASE("what the database could not serialise is made again, and once") {
  List list;
  list.refuse("events", "nextval('tries') <= 5", "40001");
  list.go_on();
  list.until_answered();
  CHECK(list.sql("SELECT last_value FROM tries") >= 6);
}

TEST_CASE("what can never be written fails alone after a number of tries") {
  List list;
  list.refuse("tasks", "NEW.id = 'bad' AND nextval('tries') > 0", "40001");
  const auto results =
      list.peer.state.commit_all({told_everything("t3"), told_everything("bad"), told_everything("t4")});
  CHECK(results.at(0).code == Code::done);
  CHECK(results.at(1).code == Code::failed);
  CHECK(results.at(1).detail == "refused");
  CHECK(results.at(2).code == Code::done);
  CHECK(list.sql("SELECT count(*) FROM tasks") == 4);
  CHECK(list.peer.state.counts().watching == 4);
  const auto tries = list.sql("SELECT last_value FROM tries");
  CHECK(tries >= 20);
  CHECK(tries <= 60);
}

TEST_CASE("a row that the database does not take fails its change alone, whatever is written with it") {
  List list;
  // An administrator's rule that one of the changes breaks.
  list.sql("ALTER TABLE tasks ADD CONSTRAINT not_yet CHECK (id <> 'bad')");
  auto changes = List::changes();
  changes.insert(changes.begin() + 1, Change(told_everything("bad")));
  changes.insert(changes.begin() + 2, Change(running("t1", 80)));
  const auto results = list.peer.state.commit_all(changes);
  CHECK(results.at(1).code == Code::failed);
  CHECK(results.at(1).detail.find("not_yet") != std::string::npos);
  for (const std::size_t i : {0, 2, 3, 4}) list.answers.push_back(results.at(i));
  check_written(list.peer.state, list.answers);
  CHECK(list.peer.state.task("t1").record.progress == 80);
  CHECK(list.sql("SELECT count(*) FROM tasks WHERE id = 'bad'") == 0);
  CHECK(list.peer.state.task("t2").record.phase == Phase::done);
}

TEST_CASE("a full disk refuses new tasks as such, and fails the rest, until there is room") {
  List list;
  list.refuse("tasks", "nextval('tries') > 0", "53100");
  const auto results = list.peer.state.commit_all({told_everything("t3"), List::changes().front()});
  CHECK(results.at(0).code == Code::full);
  CHECK(results.at(1).code == Code::failed);
  CHECK(list.sql("SELECT count(*) FROM tasks") == 2);
  CHECK(list.sql("SELECT count(*) FROM events") == 0);
  list.sql("DROP TRIGGER refuse ON tasks");
  list.go_on();
  list.until_answered();
}

TEST_CASE("a task that another daemon registers in the same moment is there already") {
  List list;
  postgres::Connection other({list.url, "", 60'000ms});
  other.script(
      "BEGIN; CREATE TEMP TABLE one AS SELECT * FROM tasks WHERE id = 't1';"
      "UPDATE one SET no = nextval('tasks_no_seq'), id = 'same';"
      "CREATE TEMP TABLE words AS SELECT task_texts.* FROM task_texts JOIN tasks ON no = task WHERE id = 't1';"
      "UPDATE words SET task = one.no FROM one;"
      "INSERT INTO tasks SELECT * FROM one; INSERT INTO task_texts SELECT * FROM words");
  CommitResult answer;
  bool answered = false;
  list.peer.state.store->commit(told_everything("same"), [&](CommitResult result) {
    answer = std::move(result);
    answered = true;
  });
  until([&] { return list.sql(std::string("SELECT count(*) FROM ") + kWaits) == 1; });
  other.run("COMMIT");
  run_until({&list.peer}, [&] { return answered; });
  CHECK(answer.code == Code::existing);
  REQUIRE(answer.task);
  CHECK(answer.task->key == key("same"));
  CHECK(list.sql("SELECT count(*) FROM tasks WHERE id = 'same'") == 1);
}

TEST_CASE("a deadlock, a lock that is held for long and a cancelled statement are waited out") {
  List list(3s, "%20-cdeadlock_timeout%3D20ms");  // a third of the lease is how long a lock is waited for
  postgres::Connection other({list.url, "", 60'000ms});
  other.script("SET deadlock_timeout = '60s'; BEGIN");
  static_cast<void>(other.number("SELECT value FROM meta WHERE name = 'events' FOR UPDATE"));
  list.begin_to_go_on();
  until([&] { return list.sql(std::string("SELECT count(*) FROM ") + kWaits) == 1; });
  const int before = list.relay.runs("pg_current_xact_id");
  SUBCASE("deadlock") {
    // Theirs is the row that we wait for, and now they wait for ours; the first to find it gives way.
    static_cast<void>(other.number("SELECT count(*) FROM (SELECT no FROM tasks ORDER BY no FOR UPDATE) AS all_tasks"));
  }
  SUBCASE("held for long") {
    until([&] { return list.relay.runs("pg_current_xact_id") > before; });
  }
  SUBCASE("cancelled") {
    CHECK(list.sql(std::string("SELECT count(pg_cancel_backend(pid)) FROM ") + kWaits) == 1);
    until([&] { return list.relay.runs("pg_current_xact_id") > before; });
  }
  other.run("ROLLBACK");
  list.until_answered();
  CHECK(list.relay.runs("pg_current_xact_id") > before);
}

TEST_CASE("a database that only reads for a while is waited for, and not asked over and over") {
  List list;
  list.sql("ALTER SYSTEM SET default_transaction_read_only = on");
  list.sql("SELECT pg_reload_conf()");
  until([&] {
    return list.sql(
               "SELECT count(*) FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'") == 1;
  });
  list.begin_to_go_on();
  run_until({&list.peer}, [&] { return !list.peer.state.store->away().empty(); });
  CHECK(list.peer.state.store->full());
  const int before = list.relay.runs("pg_current_xact_id");
  const auto later = std::chrono::steady_clock::now() + 300ms;
  run_until({&list.peer}, [&] { return std::chrono::steady_clock::now() >= later; });
  CHECK(list.relay.runs("pg_current_xact_id") - before < 10);
  CHECK(list.answers.size() == 2);
  list.sql("ALTER SYSTEM RESET default_transaction_read_only");
  list.sql("SELECT pg_reload_conf()");
  list.until_answered();
  run_until({&list.peer}, [&] { return list.peer.state.store->away().empty(); });
}

TEST_CASE("connections that are ended at any moment lose nothing, and nothing is done twice") {
  List list;
  std::vector<Change> changes;
  for (int i = 0; i < 120; ++i) {
    const std::string id = "many" + std::to_string(i);
    for (Change& one : std::vector<Change>{told_everything(id), started(id), success(id, kNoon + 3min)}) {
      changes.push_back(std::move(one));
    }
  }
  std::size_t given = 0;
  std::int64_t ended = 0;
  int times = 0;
  const auto count = changes.size() + list.answers.size();
  run_until({&list.peer}, [&] {
    for (int i = 0; i < 6 && given < changes.size(); ++i) {
      list.peer.state.store->commit(std::move(changes[given++]),
                                    [&](CommitResult result) { list.answers.push_back(std::move(result)); });
    }
    if (given % 4 == 0 && ended < 40) {
      // Those at work, and each fifth time whatever there is: a fast server is mostly idle when it is asked.
      const std::string which = ++times % 5 == 0 ? "" : " AND state <> 'idle'";
      ended += list.sql(
          "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'mjwatchd'" + which);
    }
    return list.answers.size() == count;
  });
  CHECK(ended > 0);
  check_written(list.peer.state, list.answers);
  CHECK(list.sql("SELECT count(*) FROM events") == 240);
}

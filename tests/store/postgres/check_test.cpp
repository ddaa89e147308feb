// Looking over a watch list in PostgreSQL, and lists that are refused.
#include "daemon/store/postgres/check.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/postgres/postgres_store.hpp"
#include "daemon/store/postgres/schema.hpp"
#include "tests/store/postgres/server.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// A list of three tasks, of which two have ended; one of these is deleted, and its webhook waits on.
std::string lived_in() {
  const std::string url = Server::instance().new_list();
  State state(usual_rules(), [&url](const std::filesystem::path& folder) { return make_postgres_home(folder, url); });
  for (const std::string id : {"running", "ended", "deleted"})
    REQUIRE(state.commit(registration(id)).code == Code::done);
  for (const std::string id : {"ended", "deleted"}) REQUIRE(state.commit(success(id)).code == Code::done);
  REQUIRE(state.commit(change::Forget{key("deleted")}).code == Code::done);
  return url;
}

/// What a store that is opened there, under this key, says.
std::string refusal(const std::string& url, const std::string& box_key = std::string(32, 'k')) {
  const Folder folder;
  asio::io_context io;
  try {
    const PostgresStore store(io, {url, "", folder.path, "test", 15s, usual_rules(), webhooks::SecretBox(box_key)});
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

std::string check_refusal(const std::string& url) {
  try {
    static_cast<void>(check_postgres(url, ""));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

struct Damage {
  const char* sql;
  const char* found;
};

}  // namespace

TEST_CASE("a sound list in PostgreSQL is counted, and nothing is wrong with it") {
  const auto report = check_postgres(lived_in(), "");
  CHECK(report.wrong == std::vector<std::string>{});
  CHECK(report.tasks == 2);
  CHECK(report.events == 2);
  CHECK(report.deliveries == 2);
}

TEST_CASE("rows that don't belong together in PostgreSQL are found, each said once with an example") {
  const std::vector<Damage> damages{
      {"INSERT INTO counters VALUES (0, 5)", "counters differ from what is there: kind 0: 6 counted, 1 there"},
      {"DELETE FROM counters WHERE kind = 3", "counters differ from what is there: kind 3: "},
      {"INSERT INTO events SELECT no + 100, task, gateway, id, 6, sequence + 1, at, 'evt_other', body, daemon FROM "
       "events "
       "WHERE id = 'ended'; UPDATE meta SET value = 200 WHERE name = 'events'; UPDATE tasks SET sequence = 9",
       "tasks with more than one final event: octopusx/ended"},
      {"INSERT INTO events SELECT no + 100, task, gateway, id, 2, sequence, at, 'evt_other', body, daemon FROM events "
       "WHERE id = 'ended'; UPDATE meta SET value = 200 WHERE name = 'events'",
       "events with a number that another of their task has: octopusx/ended number 1"},
      {"UPDATE meta SET value = 1 WHERE name = 'events'", "events numbered beyond what was given out: evt_"},
      {"UPDATE deliveries SET holder = NULL", "deliveries that nobody will ever take up"},
      {"DELETE FROM task_texts WHERE task = (SELECT no FROM tasks WHERE id = 'ended')",
       "tasks without their texts: octopusx/ended"},
      {"UPDATE tasks SET status = 99 WHERE id = 'ended'", "tasks with a word that no version wrote: octopusx/ended"},
      {"UPDATE deliveries SET sequence = 99", "deliveries that say other things than their event: delivery "},
  };
  for (const Damage& damage : damages) {
    CAPTURE(damage.sql);
    const std::string url = lived_in();
    static_cast<void>(Server::instance().look(url, damage.sql));
    const auto report = check_postgres(url, "");
    REQUIRE(report.wrong.size() == 1);
    CHECK(report.wrong.front().find(damage.found) == 0);
  }
}

TEST_CASE("what is no list, or can't be reached, is neither checked nor opened, and the cure is said") {
  const std::string empty = Server::instance().new_list();
  CHECK(check_refusal(empty).find("start mjwatchd once") != std::string::npos);
  const std::string nowhere = "postgresql://127.0.0.1:1/none";
  CHECK(check_refusal(nowhere).find("PostgreSQL can't be used") != std::string::npos);
  CHECK(refusal(nowhere).find("PostgreSQL can't be used") != std::string::npos);
  CHECK(refusal(nowhere).find("store_password_file") != std::string::npos);

  const std::string newer = lived_in();
  static_cast<void>(Server::instance().look(newer, "UPDATE meta SET value = 99 WHERE name = 'format'"));
  for (const std::string& said : {check_refusal(newer), refusal(newer)}) {
    CHECK(said.find("was written by a newer mjwatchd (its format is 99") != std::string::npos);
  }
  const std::string anothers = Server::instance().new_list();
  static_cast<void>(Server::instance().look(anothers, "CREATE TABLE tasks(what text)"));
  CHECK(refusal(anothers).find("tables of another program") != std::string::npos);
  CHECK(Server::instance().look(anothers, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()") == 1);

  CHECK(refusal(empty + "_of_nobody").find("no schema to make tables in") != std::string::npos);
  static_cast<void>(Server::instance().look(
      empty, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"));
  std::string latin = empty.substr(0, empty.find("&options"));
  latin.replace(latin.find("/postgres?"), 10, "/latin?");
  CHECK(refusal(latin).find("is not in UTF8") != std::string::npos);
}

TEST_CASE("a daemon whose key is not the others' is refused") {
  const std::string url = lived_in();
  CHECK(refusal(url, std::string(32, 'x')).find("secrets.key is not that of the other daemons") != std::string::npos);
  CHECK(refusal(url).empty());
}

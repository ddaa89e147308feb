// Tables of earlier versions.
#include <doctest/doctest.h>

#include <string>

#include "tests/store/postgres/peer.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

TEST_CASE("a list of the first version is brought up to date with all that it holds") {
  const std::string url = Server::instance().new_list();
  const auto look = [&url](const std::string& sql) { return Server::instance().look(url, sql); };
  const auto with_room = [&look] {
    return look(
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname IN ('tasks', "
        "'task_texts') AND reloptions::text LIKE '%fillfactor%'");
  };
  {
    Peer first(url);
    REQUIRE(first.state.commit(registration("t1")).code == Code::done);
  }
  static_cast<void>(look("ALTER TABLE tasks RESET (fillfactor)"));
  static_cast<void>(look("ALTER TABLE task_texts RESET (fillfactor)"));
  REQUIRE(with_room() == 0);
  REQUIRE(look("UPDATE meta SET value = 1 WHERE name = 'format' RETURNING value") == 1);
  Peer again(url);
  CHECK(look("SELECT value FROM meta WHERE name = 'format'") == 2);
  CHECK(with_room() == 2);
  CHECK(again.heard<event::Adopted>().size() == 1);
}

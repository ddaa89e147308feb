// What each daemon of a shared list can tell of all of them, and of its own part.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/store/postgres/peer.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

TEST_CASE("each tells who shares the list, who is new, what it holds, and until when") {
  const std::string url = Server::instance().new_list();
  Peer first(url);
  for (const std::string id : {"t1", "t2", "t3"}) REQUIRE(first.state.commit(registration(id)).code == Code::done);
  const auto alone = *first.state.store->sharing();
  REQUIRE(alone.members.size() == 1);
  CHECK(alone.members.front().self);
  CHECK_FALSE(alone.members.front().newcomer);
  CHECK(alone.members.front().host == "test");
  CHECK(alone.members.front().silent < 15s);
  CHECK(alone.tasks == 3);
  CHECK(alone.surely > 0s);
  CHECK(alone.surely <= 12s);  // a lease of 15 s, but for a fifth

  auto second = std::make_unique<Peer>(url);
  run_until({&first, second.get()}, [&] { return first.state.store->sharing()->members.size() == 2; });
  CHECK(first.state.store->sharing()->members.back().newcomer);
  CHECK(second->state.store->sharing()->tasks == 0);
  welcome(url);
  run_until({&first, second.get()}, [&] { return !first.state.store->sharing()->members.back().newcomer; });

  second.reset();
  run_until({&first}, [&] { return first.state.store->sharing()->members.size() == 1; });
  REQUIRE(first.state.commit(success("t1")).code == Code::done);
  CHECK(first.state.store->sharing()->tasks == 2);
}

TEST_CASE("a list that is one daemon's own is shared with nobody") {
  State own(usual_rules(), make_sqlite_home);
  CHECK_FALSE(own.store->sharing().has_value());
}

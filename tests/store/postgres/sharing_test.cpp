// What each daemon of a shared list can tell of all of them, and of its own part.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "daemon/core/schedule_lessons.hpp"
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

TEST_CASE(
    "what each of several daemons has learned adds up, though they write at once, also to what a version before "
    "wrote") {
  const std::string url = Server::instance().new_list();
  Peer first(url), second(url), third(url);
  // As one that knew of no others wrote it, whole, and to three digits.
  Lessons before;
  before.ended = 7;
  before.run.ended(20);
  std::string kept = head_of_lessons();
  before.write("IMAGINE", kept, Exactness::kept);
  REQUIRE(first.state.commit(change::Learned{"old", kept}).code == Code::done);
  constexpr int kEach = 40;
  int answered = 0;
  for (int i = 0; i < kEach; ++i) {
    for (Peer* peer : {&first, &second, &third}) {
      for (const std::string gateway : {"old", "new"}) {
        peer->state.store->commit(change::Learned{gateway, lessons("IMAGINE", 1, 30), true},
                                  [&](const CommitResult& result) {
                                    CHECK(result.code == Code::done);
                                    ++answered;
                                  });
      }
    }
  }
  run_until({&first, &second, &third}, [&] { return answered == 3 * 2 * kEach; });
  CHECK(ends_in(second.state.commit(change::Learned{"old", "", true}).learned)["IMAGINE"] == 7 + 3 * kEach);
  CHECK(ends_in(third.state.commit(change::Learned{"new", "", true}).learned)["IMAGINE"] == 3 * kEach);
  Peer late(url);
  const auto told = late.heard<event::LearnedAdopted>();
  REQUIRE(told.size() == 2);
  CHECK(told.front().gateway == "new");
  CHECK(ends_in(told.front().state)["IMAGINE"] == 3 * kEach);
}

// What other daemons committed, for those who listen.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/store/postgres/peer.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

TEST_CASE("what others commit is heard from the moment that somebody listens") {
  const std::string url = Server::instance().new_list();
  std::atomic<bool> somebody{false};
  std::atomic<int> asked{0};
  std::vector<std::string> heard;
  StoreRules rules = usual_rules();
  rules.listening = [&] {
    ++asked;
    return somebody.load();
  };
  rules.heard = [&heard](const std::vector<CommittedEvent>& events) {
    for (const CommittedEvent& one : events) heard.push_back(one.key.id);
  };
  Peer writes(url);
  Peer listens(url, 15s, rules);
  const auto end = [&](const std::string& id) {
    REQUIRE(writes.state.commit(registration(id)).code == Code::done);
    REQUIRE(writes.state.commit(success(id)).code == Code::done);
  };
  const int before = asked;
  end("unheard");
  run_until({&writes, &listens}, [&] { return asked >= before + 2; });  // before and after the last number was read
  end("unheard too");
  run_until({&writes, &listens}, [&] { return asked >= before + 4; });
  somebody = true;
  for (const char* id : {"one", "two", "three"}) end(id);
  run_until({&writes, &listens}, [&] { return !heard.empty() && heard.back() == "three"; });
  // Of what came right before nobody can say whether it was before or after.
  if (heard.front() == "unheard too") heard.erase(heard.begin());
  CHECK(heard == std::vector<std::string>{"one", "two", "three"});
}

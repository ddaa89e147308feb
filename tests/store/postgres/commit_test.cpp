// A transaction whose end the daemon does not hear of.
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

using Cut = Relay::Cut;

// Each stands in one statement of the writer's, and in no other.
constexpr const char* kEnd = "SELECT value - ";  ///< the last before COMMIT, sent together with it
constexpr const char* kLookUp = "pg_xact_status";
constexpr const char* kNumbers = "SELECT no FROM events WHERE gateway";

std::vector<Change> registrations(int count) {
  std::vector<Change> changes;
  for (int i = 0; i < count; ++i) {
    auto task = registration("t" + std::to_string(i));
    task.registration.webhooks = {endpoint("all")};
    changes.emplace_back(std::move(task));
  }
  return changes;
}

/// Three tasks, of which two go on and one ends, and a test of an endpoint.
struct Cutting {
  Cutting() : before(peer.state.commit_all(registrations(3))) {}

  /// In one transaction.
  std::vector<CommitResult> go_on() {
    return peer.state.commit_all({started("t0"), success("t1"), change::Test{"all", kNoon}, started("t2")});
  }
  void check(std::vector<CommitResult> answers) {
    answers.insert(answers.begin(), before.begin(), before.end());
    check_written(peer.state, answers);
    CHECK(peer.state.look("SELECT count(*) FROM events") == 4);
    CHECK(peer.state.counts().watching == 2);
  }

  std::string url = Server::instance().new_list();
  Relay relay{url};
  Peer peer{relay.url()};
  std::vector<CommitResult> before;
};

/// Puts itself before PostgreSQL's own function, which says how a transaction ended: fails the first times.
std::string with_failing_look_ups(const std::string& url, int times, const std::string& state) {
  static_cast<void>(Server::instance().look(url, "CREATE SEQUENCE look_ups"));
  static_cast<void>(
      Server::instance().look(url,
                              "CREATE FUNCTION pg_xact_status(x xid8) RETURNS text LANGUAGE plpgsql AS $$ BEGIN IF "
                              "nextval('look_ups') <= " +
                                  std::to_string(times) + " THEN RAISE EXCEPTION 'not now' USING ERRCODE = '" + state +
                                  "'; END IF; RETURN pg_catalog.pg_xact_status(x); END $$"));
  return url + ",pg_catalog";
}

}  // namespace

TEST_CASE("a commit whose answer is lost is answered as it was written, and not made again") {
  Cutting list;
  list.relay.cut(Cut::after, kEnd);
  SUBCASE("and it is looked up at once") {}
  SUBCASE("and the connections that look it up are lost as well") {
    list.relay.cut(Cut::before, kLookUp);
    list.relay.cut(Cut::after, kLookUp);
    list.relay.cut(Cut::before, kNumbers);
    list.relay.cut(Cut::after, kNumbers);
  }
  list.check(list.go_on());
  CHECK(list.relay.made() >= 1);
  CHECK(list.relay.runs(kLookUp) >= 1);
}

TEST_CASE("a commit that never comes to the database is made again, once") {
  Cutting list;
  for (int i = 0; i < 3; ++i) list.relay.cut(Cut::before, kEnd);
  list.check(list.go_on());
  CHECK(list.relay.made() == 3);
}

TEST_CASE("a commit that still goes on when it is looked up is waited for") {
  Cutting list;
  postgres::Connection in_the_way({list.url, "", 60'000ms});
  in_the_way.run("BEGIN");
  in_the_way.run("SELECT value FROM meta WHERE name = 'events' FOR UPDATE");
  list.relay.cut(Cut::during, kEnd);
  std::vector<CommitResult> answers;
  const auto keep = [&](CommitResult result) { answers.push_back(std::move(result)); };
  for (Change& change : std::vector<Change>{started("t0"), success("t1"), change::Test{"all", kNoon}, started("t2")}) {
    list.peer.state.store->commit(std::move(change), keep);
  }
  until([&] { return list.relay.runs(kLookUp) >= 3; });
  CHECK(answers.empty());
  SUBCASE("to its end") {}
  SUBCASE("until it fails, and it is made again") {
    static_cast<void>(in_the_way.number(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE "
        "'UPDATE meta%'"));
  }
  in_the_way.run("ROLLBACK");
  list.peer.state.run_until([&] { return answers.size() == 4; });
  list.check(answers);
}

TEST_CASE("nothing is made again before it is known how it ended") {
  const std::string url = Server::instance().new_list();
  Relay relay(with_failing_look_ups(url, 2, "57014"));  // as an administrator may cancel it
  Peer peer(relay.url());
  auto answers = peer.state.commit_all(registrations(1));
  answers.push_back(peer.state.commit(success("t0")));
  change::Delivery sent;
  sent.no = answers.back().deliveries.at(0).no;
  sent.attempts = 1;
  sent.result = SendResult{};
  sent.result->http_status = 503;
  relay.cut(Cut::after, kEnd);
  CHECK(peer.state.commit(sent).code == Code::done);
  CHECK(relay.runs(kLookUp) == 3);
  CHECK(peer.state.look("SELECT count(*) FROM attempts") == 1);
  check_written(peer.state, answers);
}

TEST_CASE("what the database knows nothing of, after a standby took over, is made again") {
  const std::string url = Server::instance().new_list();
  Relay relay(with_failing_look_ups(url, 1, "22023"));  // "transaction ID … is in the future"
  Peer peer(relay.url());
  relay.cut(Cut::before, kEnd);
  const auto answers = peer.state.commit_all(registrations(3));
  check_written(peer.state, answers);
  CHECK(relay.runs(kLookUp) == 1);
}

TEST_CASE("a store that is closed while the database is away leaves what is in doubt as it is") {
  const std::string url = Server::instance().new_list();
  Relay relay(url);
  Peer peer(relay.url());
  auto changes = registrations(1);
  peer.state.commit_all(changes);
  change::Delivery sent;
  sent.no = peer.state.commit(success("t0")).deliveries.at(0).no;
  sent.attempts = 1;
  sent.result = SendResult{};
  sent.result->http_status = 503;
  relay.cut(Cut::after, kEnd);
  relay.cut(Cut::before, kLookUp);
  bool answered = false;
  peer.state.store->commit(sent, [&](const CommitResult&) { answered = true; });
  until([&] { return relay.made() == 2; });
  // It is there again after the writer has stopped trying, five seconds after the end began.
  relay.refuse_until(std::chrono::steady_clock::now() + 5'200ms);
  peer.state.close();
  CHECK_FALSE(answered);
  CHECK(Server::instance().look(url, "SELECT count(*) FROM attempts") == 1);
}

TEST_CASE("pruning that is cut off goes on later, and removes nothing twice") {
  const std::string url = Server::instance().new_list();
  Relay relay(url);
  Peer peer(relay.url());
  peer.state.commit_all(registrations(3));
  for (const std::string id : {"t0", "t1", "t2"}) {
    for (const auto& one : peer.state.commit(success(id)).deliveries) deliver(peer.state, one);
  }
  relay.cut(Cut::before, "DELETE FROM tasks WHERE no");
  CHECK(peer.state.prune(kNoon + 24h) == 0);
  CHECK(peer.state.counts().done == 3);
  CHECK(peer.state.prune(kNoon + 24h) == 3);
  CHECK(peer.state.counts().done == 0);
  CHECK(peer.state.events().events.empty());
}

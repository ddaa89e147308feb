// A daemon that is out of touch with the database lets everything go, and takes up nothing it took before.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/postgres/postgres_store.hpp"
#include "tests/store/postgres/peer.hpp"
#include "tests/store/postgres/relay.hpp"
#include "tests/store/postgres/server.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// Nobody's any more: its daemon has ended.
void leave_a_task(const std::string& url) {
  State state(usual_rules(), [&url](const std::filesystem::path& folder) { return make_postgres_home(folder, url); });
  REQUIRE(state.commit(registration("t1")).code == Code::done);
}

template <typename Kind>
std::ptrdiff_t count(const std::vector<Event>& events) {
  return std::count_if(events.begin(), events.end(), [](const Event& e) { return std::holds_alternative<Kind>(e); });
}

}  // namespace

TEST_CASE("a task that was taken before all was let go is not taken up after it, but when it is taken again") {
  const std::string url = Server::instance().new_list();
  leave_a_task(url);
  Folder folder;
  asio::io_context io;
  PostgresStore store(
      io, {url, "", folder.path, "test", 3'000ms, usual_rules(), webhooks::SecretBox(std::string(32, 'k'))});
  std::vector<Event> told;
  store.adopt([&told](std::vector<Event> page) { std::move(page.begin(), page.end(), std::back_inserter(told)); });
  // It is taken, and the page that says so waits for a loop that does not come to it.
  until([&] {
    return Server::instance().look(url, "SELECT count(*) FROM tasks JOIN daemons ON daemons.no = holder") == 1;
  });
  postgres::Connection in_the_way({url, "", 60'000ms});
  in_the_way.run("BEGIN");
  in_the_way.run("LOCK TABLE daemons");
  std::vector<Event> let_go;
  until([&] { return !(let_go = store.lapsed()).empty(); });
  CHECK(count<event::Released>(let_go) == 1);
  io.poll();
  CHECK(count<event::Adopted>(told) == 0);
  in_the_way.run("ROLLBACK");
  until([&] {
    io.restart();
    io.poll();
    return count<event::Adopted>(told) == 1;
  });
}

TEST_CASE("what is written after the place was lost is written under the next one, and nothing of the one before") {
  const std::string url = Server::instance().new_list();
  Peer peer(url, 3s);
  REQUIRE(peer.state.commit(registration("t1")).code == Code::done);
  REQUIRE(peer.state.commit(registration("t2")).code == Code::done);
  const auto webhook = peer.state.commit(success("t2")).deliveries.at(0);
  const std::int64_t before = peer.number();
  static_cast<void>(Server::instance().look(url, "DELETE FROM daemons"));
  const change::Task late = started("t1");
  change::Delivery sent;
  sent.no = webhook.no;
  sent.state = DeliveryState::delivered;
  const auto results = peer.state.commit_all({late, registration("new"), sent});
  CHECK(results.at(0).code == Code::missing);
  CHECK(results.at(0).detail == "this daemon no longer holds the task");
  CHECK(results.at(1).code == Code::done);
  CHECK(results.at(2).code == Code::missing);
  CHECK(peer.state.look("SELECT count(*) FROM events") == 1);
  CHECK(peer.state.delivery(webhook.no).record.state == DeliveryState::pending);
  CHECK(peer.state.look("SELECT count(*) FROM tasks JOIN daemons ON daemons.no = holder WHERE id = 'new'") == 1);
  CHECK(peer.state.look("SELECT min(no) FROM daemons") > before);
  // All is let go, and taken up again under the new number.
  run_until({&peer}, [&] {
    return count<event::Released>(peer.told) == 2 && count<event::Adopted>(peer.told) == 1 &&
           count<event::DeliveryAdopted>(peer.told) == 1;
  });
  CHECK(peer.heard<event::Adopted>().front().task.key == key("t1"));
  CHECK(peer.state.commit(late).code == Code::done);
  CHECK(peer.state.commit(sent).code == Code::done);
}

TEST_CASE("a daemon that died is removed when its lease has run out, and what it held is taken over") {
  const std::string url = Server::instance().new_list();
  leave_a_task(url);
  static_cast<void>(Server::instance().look(
      url,
      "WITH dead AS (INSERT INTO daemons(name, beat, lease, counts_from) VALUES ('dead', clock_timestamp(), '2 s', "
      "clock_timestamp()) RETURNING no) UPDATE tasks SET holder = dead.no FROM dead"));
  Peer peer(url, 3s);
  CHECK(peer.heard<event::Adopted>().empty());
  run_until({&peer}, [&] { return count<event::Adopted>(peer.told) == 1; });
  CHECK(peer.state.look("SELECT count(*) FROM daemons") == 1);
  CHECK(peer.state.commit(running("t1", 30)).code == Code::done);
}

TEST_CASE("a daemon that can't say that it leaves is removed by the others") {
  const std::string url = Server::instance().new_list();
  Peer other(url, 3s);
  {
    Relay relay(url);
    Peer peer(relay.url(), 3s);
    REQUIRE(peer.state.commit(registration("t1")).code == Code::done);
    relay.cut(Relay::Cut::before, "DELETE FROM daemons WHERE no = $1");
    peer.state.close();
    CHECK(relay.made() == 1);
  }
  CHECK(Server::instance().look(url, "SELECT count(*) FROM daemons") == 2);
  run_until({&other}, [&] { return count<event::Adopted>(other.told) == 1; });
  CHECK(Server::instance().look(url, "SELECT count(*) FROM daemons") == 1);
}

// What is asked while others are in the way, or the line is cut.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/postgres/connection.hpp"
#include "tests/store/postgres/peer.hpp"
#include "tests/store/postgres/relay.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// One task that has ended, and its webhook, which waits.
struct Reading {
  Reading() {
    REQUIRE(peer.state.commit(registration("t1")).code == Code::done);
    webhook = peer.state.commit(success("t1")).deliveries.at(0).no;
  }
  /// Asks for the webhook and for the list of tasks, and lets `meanwhile` go on until both are answered.
  template <typename Meanwhile>
  void ask(Meanwhile meanwhile) {
    std::optional<std::optional<Outgoing>> outgoing;
    std::optional<std::vector<TaskView>> tasks;
    peer.state.store->outgoing(webhook, [&](std::optional<Outgoing> found) { outgoing = std::move(found); });
    peer.state.store->tasks({}, [&](std::vector<TaskView> found) { tasks = std::move(found); });
    run_until({&peer}, [&] {
      meanwhile();
      return outgoing && tasks;
    });
    REQUIRE(outgoing->has_value());
    CHECK((*outgoing)->ours);
    CHECK((*outgoing)->endpoint == "app");
    REQUIRE(tasks->size() == 1);
    CHECK(tasks->front().record.key == key("t1"));
  }

  std::string url = Server::instance().new_list();
  Relay relay{url};
  Peer peer{relay.url()};
  DeliveryNo webhook = 0;
};

}  // namespace

TEST_CASE("a question is asked again when its connection is lost") {
  Reading list;
  list.relay.cut(Relay::Cut::after, "unnest($1::bigint[]) AS k(no) JOIN deliveries USING (no) LEFT JOIN tasks");
  list.relay.cut(Relay::Cut::before, "FROM tasks");
  list.ask([] {});
  CHECK(list.relay.made() == 2);
}

TEST_CASE("a question that is cancelled, or waits too long for a lock, is asked again and not answered with nothing") {
  Reading list;
  postgres::Connection in_the_way({list.url, "", 60'000ms});
  in_the_way.run("BEGIN");
  in_the_way.run("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE");
  std::int64_t cancelled = 0;
  list.ask([&] {
    if (cancelled >= 2) return;
    cancelled += Server::instance().look(
        list.url,
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE "
        "'SELECT%' AND application_name = 'mjwatchd'");
    if (cancelled >= 2) in_the_way.run("COMMIT");
  });
  CHECK(cancelled >= 2);
}

TEST_CASE("a webhook that can't be read now is not given up for it") {
  Reading list;
  list.peer.state.look("ALTER TABLE events RENAME COLUMN webhook_id TO another_name");
  const auto unread = list.peer.state.outgoing(list.webhook);
  REQUIRE(unread.has_value());
  CHECK_FALSE(unread->ours);  // which is to ask again later
  CHECK(list.peer.state.deliveries().unread);
  CHECK(list.peer.state.events().unread);
  CHECK_FALSE(list.peer.state.tasks().unread);
  list.peer.state.look("ALTER TABLE events RENAME COLUMN another_name TO webhook_id");
  const auto read = list.peer.state.outgoing(list.webhook);
  REQUIRE(read.has_value());
  CHECK(read->ours);
}

TEST_CASE("bytes that no text in PostgreSQL may have are kept as signs that say so") {
  State state;
  auto task = registration("t1");
  task.registration.metadata = std::string(
      "\"a\xff"
      "b\0c\"",
      7);
  REQUIRE(state.commit(task).code == Code::done);
  CHECK(state.task("t1").metadata ==
        "\"a\xef\xbf\xbd"
        "b\xef\xbf\xbd"
        "c\"");
  REQUIRE(state.commit(change::Receiver{"app", true, std::string("odd \xc3 \0.", 8), kNoon}).code == Code::done);
  CHECK(state.look("SELECT count(*) FROM receivers WHERE reason = 'odd \xef\xbf\xbd \xef\xbf\xbd.'") == 1);
}

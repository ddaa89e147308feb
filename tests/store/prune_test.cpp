#include <doctest/doctest.h>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// Registered, ended and delivered.
void whole(State& state, const std::string& id, WallTime at) {
  REQUIRE(state.commit(registration(id, at - 1min)).code == Code::done);
  for (const auto& delivery : state.commit(success(id, at)).deliveries) deliver(state, delivery);
}

}  // namespace

TEST_CASE("finished tasks older than asked go, with all that is theirs") {
  State state;
  state.rules.default_list = {"app", "ce"};
  state.store->reload(state.rules);
  whole(state, "old", kNoon);
  whole(state, "new", kNoon + 48h);
  state.commit(registration("live", kNoon - 24h));
  CHECK(state.prune(kNoon + 24h) == 1);
  CHECK(state.tasks().size() == 2);
  CHECK(state.look("SELECT count(*) FROM tasks") == 2);
  CHECK(state.look("SELECT count(*) FROM task_texts") == 2);
  CHECK(state.look("SELECT count(*) FROM events") == 1);
  CHECK(state.look("SELECT count(*) FROM bodies") == 1);
  CHECK(state.look("SELECT count(*) FROM deliveries") == 2);
  CHECK(state.look("SELECT count(*) FROM attempts") == 2);
  CHECK(state.counts().done == 1);
  CHECK(state.prune(kNoon + 24h) == 0);
}

TEST_CASE("a task that ended just then stays") {
  State state;
  whole(state, "a", kNoon);
  CHECK(state.prune(kNoon) == 0);
  CHECK(state.prune(kNoon + 1ms) == 1);
}

TEST_CASE("what is about to go can be listed") {
  State state;
  whole(state, "old", kNoon);
  whole(state, "new", kNoon + 48h);
  state.commit(registration("live", kNoon - 24h));
  TaskQuery query;
  query.ended_before = kNoon + 24h;
  const auto old = state.tasks(query);
  REQUIRE(old.size() == 1);
  CHECK(old[0].record.key.id == "old");
  query.ended_before = kNoon;
  CHECK(state.tasks(query).empty());
}

TEST_CASE("deliveries that wait outlive their task, with body, URL and secret") {
  State state;
  auto change = registration("a");
  change.registration.webhooks =
      std::vector<WebhookTarget>{url("https://x.example/"), endpoint("all"), endpoint("app")};
  state.commit(change);
  const auto sent = state.commit(success("a", kNoon)).deliveries;
  REQUIRE(sent.size() == 3);
  deliver(state, sent[1], DeliveryState::held);
  deliver(state, sent[2]);
  CHECK(state.prune(kNoon + 24h) == 1);
  CHECK(state.tasks().empty());
  CHECK(state.outgoing(sent[0].no)->target.secret == "whsec_c2VjcmV0");
  CHECK(state.delivery(sent[1].no).record.state == DeliveryState::held);
  deliver(state, sent[0]);
  state.prune(kNoon + 24h);
  CHECK(state.deliveries().size() == 3);  // the event is still needed, and is shown as it was sent
  deliver(state, sent[1], DeliveryState::dead);
  state.prune(kNoon + 24h);
  CHECK(state.deliveries().empty());
  for (const char* table : {"events", "bodies", "attempts", "targets", "task_texts"}) {
    CHECK_MESSAGE(state.look(std::string("SELECT count(*) FROM ") + table) == 0, table);
  }
  CHECK(state.look("SELECT count(*) FROM receivers WHERE name LIKE 'url:%'") == 0);
}

TEST_CASE("events of forgotten tasks and tests go by their age") {
  State state;
  state.commit(registration("a"));
  deliver(state, state.commit(success("a", kNoon)).deliveries.at(0));
  state.commit(change::Forget{key("a")});
  deliver(state, state.commit(change::Test{"app", kNoon}).deliveries.at(0));
  deliver(state, state.commit(change::Test{"app", kNoon + 48h}).deliveries.at(0));
  CHECK(state.prune(kNoon + 24h) == 0);
  CHECK(state.events().events.size() == 1);
}

TEST_CASE("a reader that stands before what was removed is told that it is gone") {
  State state;
  whole(state, "a", kNoon);
  whole(state, "b", kNoon + 1h);
  whole(state, "c", kNoon + 48h);
  const auto all = state.events().events;
  REQUIRE(all.size() == 3);
  state.prune(kNoon + 24h);
  EventQuery query;
  query.after = all[0].no;
  CHECK(state.events(query).gone);
  query.after = all[1].no;  // the last of those removed: nothing was missed
  CHECK_FALSE(state.events(query).gone);
  CHECK(state.events(query).events.size() == 1);
  query.after = 0;
  CHECK_FALSE(state.events(query).gone);
  state.reopen();
  query.after = all[0].no;
  CHECK(state.events(query).gone);
}

TEST_CASE("a disabled URL is remembered while anything of its time is") {
  State state;
  auto change = registration("a", kNoon);
  change.registration.webhooks = std::vector<WebhookTarget>{url("https://x.example/")};
  state.commit(change);
  const auto sent = state.commit(success("a", kNoon)).deliveries.at(0);
  state.commit(change::Receiver{sent.receiver.name, true, "410", kNoon + 36h});
  deliver(state, sent, DeliveryState::dead);
  state.prune(kNoon + 24h);
  CHECK(state.look("SELECT count(*) FROM receivers WHERE disabled = 1") == 1);
  change.registration.key.id = "b";
  state.commit(change);
  CHECK(state.commit(success("b")).deliveries.at(0).state == DeliveryState::held);
  state.commit(change::Forget{key("b")});
  state.look("UPDATE deliveries SET state = 3");
  state.prune(kNoon + 72h);
  CHECK(state.look("SELECT count(*) FROM receivers WHERE name LIKE 'url:%'") == 0);
}

TEST_CASE("thousands are pruned in steps between which changes are committed") {
  State state;
  std::vector<Change> changes;
  for (int i = 0; i < 3000; ++i) {
    auto change = registration(std::to_string(i));
    change.registration.webhooks = std::vector<WebhookTarget>{};
    changes.emplace_back(std::move(change));
    changes.emplace_back(success(std::to_string(i), kNoon + i * 1s));
  }
  state.commit_all(std::move(changes));
  std::optional<std::size_t> removed;
  bool committed_meanwhile = false;
  state.store->prune(kNoon + 48h, [&](std::size_t tasks) { removed = tasks; });
  state.store->commit(registration("meanwhile"),
                      [&](const CommitResult& result) { committed_meanwhile = result.code == Code::done && !removed; });
  state.run_until([&] { return removed.has_value(); });
  CHECK(removed == 3000);
  CHECK(committed_meanwhile);
  CHECK(state.tasks().size() == 1);
  CHECK(state.look("SELECT count(*) FROM events") == 0);
}

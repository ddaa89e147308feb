#include <doctest/doctest.h>

#include <map>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

void deliver(State& state, const DeliveryRecord& delivery, DeliveryState to = DeliveryState::delivered) {
  change::Delivery change;
  change.no = delivery.no;
  change.state = to;
  change.attempts = 1;
  change.result = SendResult{};
  change.result->http_status = 200;
  REQUIRE(state.commit(change).code == Code::done);
}

/// Registered, ended and delivered.
void whole(State& state, const std::string& id, WallTime at) {
  REQUIRE(state.commit(registration(id, at - 1min)).code == Code::done);
  for (const auto& delivery : state.commit(success(id, at)).deliveries) deliver(state, delivery);
}

change::Register big(const std::string& id) {
  auto change = registration(id);
  change.registration.metadata = "\"" + std::string(16'000, 'x') + "\"";
  return change;
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

TEST_CASE("at its size the store lets the oldest finished tasks go, and takes new ones") {
  StoreRules rules = usual_rules();
  rules.max_size = 4U << 20U;
  rules.default_list = {};
  State state(rules);
  for (int i = 0; i < 600; i += 20) {
    std::vector<Change> changes;
    for (int j = i; j < i + 20; ++j) {
      changes.emplace_back(big(std::to_string(j)));
      changes.emplace_back(success(std::to_string(j), kNoon + j * 1s));
    }
    for (const auto& result : state.commit_all(std::move(changes))) REQUIRE(result.code == Code::done);
  }
  state.run_until([&] { return state.counts().bytes < rules.max_size; });
  CHECK(state.counts().done < 400);
  CHECK(state.counts().done > 50);
  CHECK(state.task("599").ending == Ending::succeeded);
  TaskQuery oldest;
  oldest.id = "0";
  CHECK(state.tasks(oldest).empty());
}

TEST_CASE("what was saved of tasks that go at the store's size is told once, and nothing of those that stay") {
  std::map<std::string, int> told;
  StoreRules rules = usual_rules();
  rules.max_size = 2U << 20U;
  rules.default_list = {};
  rules.relieved = [&](const std::vector<SavedImage>& saved) {
    for (const SavedImage& image : saved) ++told[image.path];
  };
  State state(rules);
  for (int i = 0; i < 200; ++i) {
    auto ended = success(std::to_string(i), kNoon + i * 1s);
    ended.images = ImageResult{};
    ended.images->images.resize(1);
    ended.images->images[0].path = "/pictures/" + std::to_string(i);
    for (const auto& result : state.commit_all({big(std::to_string(i)), ended})) REQUIRE(result.code == Code::done);
  }
  state.run_until([&] { return state.counts().bytes < rules.max_size && told.size() + state.counts().done == 200; });
  CHECK(told.size() > 50);
  CHECK(told.contains("/pictures/0"));
  CHECK_FALSE(told.contains("/pictures/199"));
  for (const auto& [path, times] : told) CHECK(times == 1);
}

TEST_CASE("when all is live registrations answer full, until something ends") {
  StoreRules rules = usual_rules();
  rules.max_size = 2U << 20U;
  State state(rules);
  int taken = 0;
  for (; taken < 500; ++taken) {
    const auto result = state.commit(big(std::to_string(taken)));
    if (result.code == Code::full) {
      CHECK(result.detail.find("watch.store_max_size") != std::string::npos);
      break;
    }
    REQUIRE(result.code == Code::done);
  }
  CHECK(taken > 50);
  CHECK(taken < 200);
  CHECK(state.counts().watching == static_cast<std::uint64_t>(taken));
  // What is there already is still answered, and what is live goes on.
  CHECK(state.commit(big("0")).code == Code::existing);
  CHECK(state.commit(running("0", 50)).code == Code::done);
  for (int i = 0; i < 10; ++i) deliver(state, state.commit(success(std::to_string(i))).deliveries.at(0));
  state.run_until([&] { return state.counts().done == 0; });
  CHECK(state.commit(big("again")).code == Code::done);
}

TEST_CASE("events of forgotten tasks go early too when room is needed") {
  StoreRules rules = usual_rules();
  rules.max_size = 3U << 20U;
  rules.default_list = {};
  State state(rules);
  for (int i = 0; i < 400; i += 20) {
    std::vector<Change> changes;
    for (int j = i; j < i + 20; ++j) {
      changes.emplace_back(big(std::to_string(j)));
      changes.emplace_back(success(std::to_string(j)));
      changes.emplace_back(change::Forget{key(std::to_string(j))});
    }
    state.commit_all(std::move(changes));
  }
  state.run_until([&] { return state.counts().bytes < rules.max_size; });
  const auto left = state.look("SELECT count(*) FROM events");
  CHECK(left < 250);
  CHECK(left > 20);
}

#include <doctest/doctest.h>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store::test;

TEST_CASE("a new task is registered with the rules' defaults, and found again after a restart") {
  State state;
  state.rules.save = SaveMode::all;
  state.rules.seed = true;
  state.rules.expire_after = 3h;
  state.store->reload(state.rules);
  auto change = registration("a");
  change.registration.action = "IMAGINE";
  change.registration.submitted_at = kNoon - 5s;
  change.registration.metadata = R"({"order":7})";
  const auto result = state.commit(change);
  CHECK(result.code == Code::done);
  REQUIRE(result.task);
  CHECK(result.task->phase == Phase::watching);
  CHECK(result.task->save == SaveMode::all);
  CHECK(result.task->seed);
  CHECK(result.task->registered_at == kNoon);
  CHECK(result.task->changed_at == kNoon);
  CHECK(result.task->expire_at == kNoon + 3h);
  CHECK(result.task->submitted_at == kNoon - 5s);
  CHECK(result.events.empty());
  state.reopen();
  const auto view = state.task("a");
  CHECK(view.record.key == key("a"));
  CHECK(view.record.action == "IMAGINE");
  CHECK(view.record.expire_at == kNoon + 3h);
  CHECK(view.record.digest == 0);
  CHECK(view.metadata == R"({"order":7})");
  CHECK(view.object.empty());
  CHECK(view.webhooks.empty());
  CHECK(view.ending == Ending::none);
}

TEST_CASE("what the app says wins over the rules") {
  State state;
  auto change = registration("a");
  change.registration.save = SaveMode::none;
  change.registration.expire_after = 10min;
  const auto result = state.commit(change);
  CHECK(result.task->save == SaveMode::none);
  CHECK(result.task->expire_at == kNoon + 10min);
}

TEST_CASE("the same again is existing, key by key; a key left out matches, another value conflicts") {
  State state;
  auto first = registration("a");
  first.registration.given = {{"metadata", R"({"a":1})"}, {"save", R"("all")"}};
  REQUIRE(state.commit(first).code == Code::done);

  auto again = first;
  again.at = kNoon + 1h;
  SUBCASE("all of it") { CHECK(state.commit(again).code == Code::existing); }
  SUBCASE("nothing of it") {
    again.registration.given.clear();
    const auto result = state.commit(again);
    CHECK(result.code == Code::existing);
    REQUIRE(result.task);
    CHECK(result.task->registered_at == kNoon);
  }
  SUBCASE("another value") {
    again.registration.given["save"] = R"("none")";
    const auto result = state.commit(again);
    CHECK(result.code == Code::conflict);
    CHECK(result.detail == R"(save: the task was registered with "all", not "none")");
  }
  SUBCASE("a key that was not given") {
    again.registration.given["expire_after"] = R"("1h")";
    const auto result = state.commit(again);
    CHECK(result.code == Code::conflict);
    CHECK(result.detail.starts_with("expire_after: "));
  }
  SUBCASE("after a restart") {
    state.reopen();
    CHECK(state.commit(again).code == Code::existing);
    again.registration.given["metadata"] = R"({"a":2})";
    CHECK(state.commit(again).code == Code::conflict);
  }
  CHECK(state.tasks().size() == 1);
}

TEST_CASE("a conflict about webhooks never shows them") {
  State state;
  auto first = registration("a");
  first.registration.given = {{"webhooks", R"([{"secret":"sha256:aa","url":"https://x.example/"}])"}};
  REQUIRE(state.commit(first).code == Code::done);
  first.registration.given["webhooks"] = R"([{"secret":"sha256:bb","url":"https://x.example/"}])";
  const auto result = state.commit(first);
  CHECK(result.code == Code::conflict);
  CHECK(result.detail.starts_with("webhooks: "));
  CHECK(result.detail.find("sha256") == std::string::npos);
}

TEST_CASE("one id at two gateways is two tasks") {
  State state;
  auto change = registration("a");
  REQUIRE(state.commit(change).code == Code::done);
  change.registration.key.gateway = "other";
  CHECK(state.commit(change).code == Code::done);
  TaskQuery query;
  query.id = "a";
  CHECK(state.tasks(query).size() == 2);
  query.gateway = "other";
  REQUIRE(state.tasks(query).size() == 1);
  CHECK(state.tasks(query)[0].record.key.gateway == "other");
}

TEST_CASE("within one transaction later changes see the earlier ones") {
  State state;
  const auto results = state.commit_all({registration("a"), registration("a"), running("a", 10),
                                         change::Forget{key("a")}, running("a", 20), registration("a")});
  CHECK(results[0].code == Code::done);
  CHECK(results[1].code == Code::existing);
  CHECK(results[2].code == Code::done);
  CHECK(results[3].code == Code::done);
  CHECK(results[4].code == Code::missing);
  CHECK(results[5].code == Code::done);
}

TEST_CASE("a task is forgotten with what only it needs, and its queued deliveries go on") {
  State state;
  auto change = registration("a");
  change.registration.webhooks =
      std::vector<WebhookTarget>{url("https://x.example/hook"), url("https://unused.example/")};
  change.registration.webhooks->back().events = mask_of(EventType::lost);
  REQUIRE(state.commit(change).code == Code::done);
  const auto finished = state.commit(success("a"));
  REQUIRE(finished.deliveries.size() == 1);
  CHECK(state.commit(change::Forget{key("a")}).code == Code::done);
  CHECK(state.commit(change::Forget{key("a")}).code == Code::missing);
  CHECK(state.tasks().empty());
  CHECK(state.look("SELECT count(*) FROM task_texts") == 0);
  CHECK(state.look("SELECT count(*) FROM targets") == 1);
  const auto outgoing = state.outgoing(finished.deliveries[0].no);
  REQUIRE(outgoing);
  CHECK(outgoing->target.url == "https://x.example/hook");
  CHECK(outgoing->target.secret == "whsec_c2VjcmV0");
  CHECK(*outgoing->body == *finished.events[0].body);
  CHECK(state.delivery(finished.deliveries[0].no).key == key("a"));
  // A new task of the same name is another one, with a number of its own and events from 1.
  REQUIRE(state.commit(registration("a")).code == Code::done);
  CHECK(state.commit(success("a")).events[0].sequence == 1);
  CHECK(state.task("a").no > finished.deliveries[0].task);
}

TEST_CASE("a receiver named twice is one receiver") {
  State state;
  auto change = registration("a");
  change.registration.webhooks = std::vector<WebhookTarget>{endpoint("app"), url("https://x.example/"), endpoint("app"),
                                                            url("https://x.example/")};
  REQUIRE(state.commit(change).code == Code::done);
  CHECK(state.task("a").webhooks == R"(["app",{"url":"https://x.example/","format":"standard"}])");
  CHECK(state.commit(success("a")).deliveries.size() == 2);
}

TEST_CASE("a change that can't be applied fails alone, and leaves nothing") {
  State state;
  auto impossible = registration("bad");
  impossible.registration.webhooks =
      std::vector<WebhookTarget>{endpoint("app"), url("https://x.example/", std::string(2U << 20U, 's'))};
  const auto results = state.commit_all({registration("a"), impossible, registration("b")});
  CHECK(results[0].code == Code::done);
  CHECK(results[1].code == Code::failed);
  CHECK(results[1].detail == "a secret is too long to be sealed");
  CHECK(results[2].code == Code::done);
  CHECK(state.tasks().size() == 2);
  CHECK(state.look("SELECT count(*) FROM targets") == 0);
  CHECK(state.counts().watching == 2);
  CHECK(state.store->broken().empty());
}

TEST_CASE("a receiver's own events are told with its task") {
  State state;
  auto change = registration("a");
  change.registration.webhooks = {
      url("https://x.example/", "", mask_of(EventType::succeeded) | mask_of(EventType::failed))};
  REQUIRE(state.commit(change).code == Code::done);
  CHECK(state.task("a").webhooks ==
        R"([{"url":"https://x.example/","events":["task.succeeded","task.failed"],"format":"standard"}])");
}

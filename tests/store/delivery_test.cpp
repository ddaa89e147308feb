#include <doctest/doctest.h>

#include "mjwatchd/outbox.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store::test;

namespace {

change::Delivery attempt(DeliveryNo no, int status, DeliveryState state, std::uint32_t attempts = 1) {
  change::Delivery change;
  change.no = no;
  change.state = state;
  change.attempts = attempts;
  change.due = kNoon + 1h;
  change.result = SendResult{};
  change.result->http_status = status;
  change.result->answer = "answer " + std::to_string(attempts);
  change.result->detail = "detail";
  change.result->started_at = kNoon + 3min;
  change.result->retry_after = 5s;
  change.result->dns = 1ms;
  change.result->connect = 2ms;
  change.result->tls = 3ms;
  change.result->first_byte = 4ms;
  change.result->total = 5ms;
  return change;
}

change::Delivery moved(DeliveryNo no, DeliveryState state, const std::string& reason = {}) {
  change::Delivery change;
  change.no = no;
  change.state = state;
  change.reason = reason;
  return change;
}

}  // namespace

TEST_CASE("an attempt is kept with all that was measured") {
  State state;
  const auto delivery = finished(state, "a");
  auto failed = attempt(delivery.no, 0, DeliveryState::pending);
  failed.result->fault = SendFault::tls;
  CHECK(state.commit(failed).code == Code::done);
  state.reopen();
  const auto view = state.delivery(delivery.no);
  CHECK(view.record.state == DeliveryState::pending);
  CHECK(view.record.attempts == 1);
  CHECK(view.record.due == kNoon + 1h);
  CHECK(view.created_at == kNoon + 2min);
  CHECK(view.webhook_id.starts_with("evt_"));
  REQUIRE(view.attempts.size() == 1);
  const SendResult& result = view.attempts[0].result;
  CHECK(view.attempts[0].number == 1);
  CHECK(result.fault == SendFault::tls);
  CHECK(result.detail == "detail");
  CHECK(result.started_at == kNoon + 3min);
  CHECK(result.retry_after == 5s);
  CHECK(result.dns == 1ms);
  CHECK(result.connect == 2ms);
  CHECK(result.tls == 3ms);
  CHECK(result.first_byte == 4ms);
  CHECK(result.total == 5ms);
  CHECK(view.record.tried_at == kNoon + 3min);
  CHECK(state.commit(attempt(9999, 200, DeliveryState::delivered)).code == Code::missing);
}

TEST_CASE("when a delivery was last tried is known of the present round alone") {
  State state;
  const auto delivery = finished(state, "a");
  CHECK_FALSE(state.delivery(delivery.no).record.tried_at);
  state.commit(attempt(delivery.no, 500, DeliveryState::pending));
  auto second = attempt(delivery.no, 500, DeliveryState::dead, 2);
  second.result->started_at = kNoon + 1min;  // the clock was set back
  state.commit(second);
  CHECK(state.delivery(delivery.no).record.tried_at == kNoon + 1min);
  change::Replay again;
  again.no = delivery.no;
  again.at = kNoon + 2h;
  const auto result = state.commit(again);
  REQUIRE(result.deliveries.size() == 1);
  CHECK_FALSE(result.deliveries[0].tried_at);
  CHECK_FALSE(state.delivery(delivery.no).record.tried_at);
}

TEST_CASE("the answers of the first and of the last failure are kept, the others not") {
  State state;
  const auto delivery = finished(state, "a");
  for (std::uint32_t i = 1; i <= 4; ++i) state.commit(attempt(delivery.no, 500, DeliveryState::pending, i));
  auto view = state.delivery(delivery.no);
  REQUIRE(view.attempts.size() == 4);
  CHECK(view.attempts[0].result.answer == "answer 1");
  CHECK(view.attempts[1].result.answer.empty());
  CHECK(view.attempts[2].result.answer.empty());
  CHECK(view.attempts[3].result.answer == "answer 4");
  state.commit(attempt(delivery.no, 204, DeliveryState::delivered, 5));
  view = state.delivery(delivery.no);
  CHECK(view.attempts[3].result.answer == "answer 4");
  CHECK(view.attempts[4].result.answer.empty());
  CHECK(view.record.state == DeliveryState::delivered);
}

TEST_CASE("attempts of one delivery are bounded: the first and the last stay") {
  State state;
  const auto delivery = finished(state, "a");
  std::vector<Change> many;
  for (std::uint32_t i = 1; i <= 120; ++i) many.emplace_back(attempt(delivery.no, 500, DeliveryState::pending, i));
  state.commit_all(std::move(many));
  const auto view = state.delivery(delivery.no);
  REQUIRE(view.attempts.size() == 50);
  CHECK(view.attempts[0].number == 1);
  CHECK(view.attempts[0].result.answer == "answer 1");
  CHECK(view.attempts[1].number == 72);
  CHECK(view.attempts[49].number == 120);
  CHECK(view.attempts[49].result.answer == "answer 120");
}

TEST_CASE("one delivery is sent again in a new round, under the same webhook-id") {
  State state;
  const auto delivery = finished(state, "a");
  const auto before = state.outgoing(delivery.no);
  state.commit(attempt(delivery.no, 500, DeliveryState::dead, 11));
  change::Replay replay;
  replay.no = delivery.no;
  replay.at = kNoon + 2h;
  const auto result = state.commit(replay);
  CHECK(result.code == Code::done);
  REQUIRE(result.deliveries.size() == 1);
  CHECK(result.deliveries[0].no == delivery.no);
  CHECK(result.deliveries[0].state == DeliveryState::pending);
  CHECK(result.deliveries[0].attempts == 0);
  CHECK(result.deliveries[0].due == kNoon + 2h);
  CHECK(result.deliveries[0].task == delivery.task);
  const auto after = state.outgoing(delivery.no);
  CHECK(after->webhook_id == before->webhook_id);
  CHECK(*after->body == *before->body);
  CHECK(state.delivery(delivery.no).attempts.size() == 1);
  state.commit(attempt(delivery.no, 200, DeliveryState::delivered, 1));
  CHECK(state.delivery(delivery.no).attempts.at(1).number == 2);
  replay.no = 12345;
  CHECK(state.commit(replay).code == Code::missing);
}

TEST_CASE("a range of deliveries is sent again, oldest first") {
  State state;
  state.rules.default_list = {"app", "all"};
  state.store->reload(state.rules);
  std::vector<DeliveryRecord> sent;
  for (int i = 0; i < 5; ++i) {
    state.commit(registration("t" + std::to_string(i)));
    for (auto& one : state.commit(success("t" + std::to_string(i), kNoon + i * 1h)).deliveries) sent.push_back(one);
  }
  REQUIRE(sent.size() == 10);
  for (const auto& one : sent) state.commit(moved(one.no, DeliveryState::delivered));
  state.commit(moved(sent[2].no, DeliveryState::dead, "gone"));
  state.commit(moved(sent[9].no, DeliveryState::pending));
  change::Replay replay;
  replay.at = kNoon + 24h;
  SUBCASE("by endpoint: any but pending") {
    replay.endpoint = "all";
    const auto result = state.commit(replay);
    REQUIRE(result.deliveries.size() == 4);
    CHECK(result.deliveries[0].no == sent[1].no);
    CHECK(result.deliveries[3].no == sent[7].no);
  }
  SUBCASE("by state") {
    replay.state = DeliveryState::dead;
    const auto result = state.commit(replay);
    REQUIRE(result.deliveries.size() == 1);
    CHECK(result.deliveries[0].no == sent[2].no);
    CHECK(state.counts().dead == 0);
    CHECK(state.delivery(sent[2].no).reason.empty());
  }
  SUBCASE("by time: from `since` on, before `until`") {
    replay.since = kNoon + 1h;
    replay.until = kNoon + 3h;
    CHECK(state.commit(replay).deliveries.size() == 4);
  }
  SUBCASE("none") {
    replay.since = kNoon + 100h;
    const auto result = state.commit(replay);
    CHECK(result.code == Code::done);
    CHECK(result.deliveries.empty());
  }
  SUBCASE("of an endpoint that never was") {
    replay.endpoint = "nobody";
    CHECK(state.commit(replay).code == Code::missing);
  }
}

TEST_CASE("what is replayed to a disabled receiver is held") {
  State state;
  const auto delivery = finished(state, "a");
  state.commit(attempt(delivery.no, 410, DeliveryState::dead));
  state.commit(change::Receiver{"app", true, "410", kNoon});
  change::Replay replay;
  replay.no = delivery.no;
  auto result = state.commit(replay);
  REQUIRE(result.deliveries.size() == 1);
  CHECK(result.deliveries[0].state == DeliveryState::held);
  CHECK(state.delivery(delivery.no).record.state == DeliveryState::held);
  result = state.commit(replay);  // it was held already: no news for the outbox
  CHECK(result.code == Code::done);
  CHECK(result.deliveries.empty());
}

TEST_CASE("disabling a receiver holds what waits for it, enabling brings it back in order") {
  State state;
  std::vector<DeliveryNo> numbers;
  for (int i = 0; i < 5; ++i) numbers.push_back(finished(state, "t" + std::to_string(i)).no);
  state.commit(attempt(numbers[0], 200, DeliveryState::delivered));
  state.commit(attempt(numbers[1], 500, DeliveryState::pending, 3));
  auto result = state.commit(change::Receiver{"app", true, "no success for 120 h", kNoon + 1h});
  CHECK(result.code == Code::done);
  CHECK(result.deliveries.empty());
  CHECK(state.counts().held == 4);
  CHECK(state.counts().pending == 0);
  CHECK(state.delivery(numbers[1]).reason == "no success for 120 h");
  CHECK(finished(state, "later").state == DeliveryState::held);
  state.reopen();
  result = state.commit(change::Receiver{"app", false, "", kNoon + 2h});
  REQUIRE(result.deliveries.size() == 5);
  for (std::size_t i = 0; i < 4; ++i) CHECK(result.deliveries[i].no == numbers[i + 1]);
  CHECK(result.deliveries[0].state == DeliveryState::pending);
  CHECK(result.deliveries[0].attempts == 0);
  CHECK(result.deliveries[0].due == kNoon + 2h);
  CHECK(state.counts().held == 0);
  CHECK(finished(state, "latest").state == DeliveryState::pending);
}

TEST_CASE("a receiver of a URL is disabled for itself; a name nobody knows is missing") {
  State state;
  auto change = registration("a");
  change.registration.webhooks = std::vector<WebhookTarget>{url("https://x.example/1"), url("https://x.example/2")};
  state.commit(change);
  const auto sent = state.commit(success("a")).deliveries;
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].receiver.name.starts_with("url:"));
  CHECK(sent[0].receiver.group == "origin:https://x.example:443");
  CHECK(state.commit(change::Receiver{sent[0].receiver.name, true, "410", kNoon}).code == Code::done);
  CHECK(state.delivery(sent[0].no).record.state == DeliveryState::held);
  CHECK(state.delivery(sent[1].no).record.state == DeliveryState::pending);
  CHECK(state.commit(change::Receiver{"nobody", true, "", kNoon}).code == Code::missing);
  CHECK(state.commit(change::Receiver{"all", true, "", kNoon}).code == Code::done);  // configured, never used
}

TEST_CASE("very many held deliveries come back in portions, each saying that there is more") {
  State state;
  state.commit(registration("a"));
  REQUIRE(state.commit(success("a")).deliveries.size() == 1);
  state.commit(change::Receiver{"app", true, "", kNoon});
  // 25,000 of them, as a year of a dead receiver would leave them.
  state.look(
      "INSERT INTO deliveries(event, receiver, target, format, state, attempts, due, reason, created_at, task, "
      "sequence, type) "
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 24999) "
      "SELECT event, receiver, target, format, state, attempts, due, reason, created_at, task, sequence, type "
      "FROM deliveries, n");
  const auto first = state.commit(change::Receiver{"app", false, "", kNoon + 1h});
  REQUIRE(first.deliveries.size() == 20'001);
  CHECK(first.deliveries[19'999].state == DeliveryState::pending);
  CHECK(first.deliveries[20'000].state == DeliveryState::held);  // on this the core asks again
  const auto rest = state.commit(change::Receiver{"app", false, "", kNoon + 1h});
  CHECK(rest.deliveries.size() == 5'000);
  CHECK(rest.deliveries.back().state == DeliveryState::pending);
  CHECK(state.counts().held == 0);
  CHECK(state.counts().pending == 25'000);
}

TEST_CASE("the outbox asks for the rest when a portion of held deliveries came back") {
  State state;
  state.commit(registration("a"));
  state.commit(success("a"));
  state.commit(change::Receiver{"app", true, "", kNoon});
  state.look(
      "INSERT INTO deliveries(event, receiver, target, format, state, attempts, due, reason, created_at, task, "
      "sequence, type) "
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 44999) "
      "SELECT event, receiver, target, format, state, attempts, due, reason, created_at, task + i, sequence, type "
      "FROM deliveries, n");  // each of a task of its own
  WebhookSettings settings;
  settings.retry = {5s};
  settings.endpoints = {{"app", {8, 0}}};
  settings.max_in_flight = 0;  // nothing is sent: only what comes back counts here
  ChangeNo next_change = 1;
  const Now now{Time{1h}, kNoon};
  Outbox outbox(settings, 1, next_change);
  Actions actions;
  outbox.receiver("app", true, now, actions);
  // A person enables it; what follows is the outbox's own wish.
  auto result = state.commit(change::Receiver{"app", false, "", kNoon});
  outbox.receiver("app", false, now, actions);
  int asked = 1;
  for (;; ++asked) {
    REQUIRE(asked < 10);
    for (const auto& delivery : result.deliveries) outbox.adopt(delivery, now, actions);
    actions.clear();
    outbox.advance(now, actions);
    if (actions.empty()) break;
    REQUIRE(actions.size() == 1);
    const auto& persist = std::get<action::Persist>(actions[0]);
    REQUIRE(std::holds_alternative<change::Receiver>(persist.change));
    result = state.commit(persist.change);
    const ChangeNo no = persist.no;
    Actions more;
    CHECK(outbox.persisted(no, result, now, more));
    result.deliveries.clear();  // persisted() took them up
  }
  CHECK(asked == 3);
  CHECK(outbox.pending() == 45'000);
  CHECK(state.counts().held == 0);
}

TEST_CASE("a test event belongs to no task and goes to one endpoint in its format") {
  State state;
  const auto result = state.commit(change::Test{"ce", kNoon});
  CHECK(result.code == Code::done);
  REQUIRE(result.events.size() == 1);
  CHECK(result.events[0].type == EventType::test);
  CHECK(result.events[0].sequence == 0);
  REQUIRE(result.deliveries.size() == 1);
  CHECK(result.deliveries[0].task == 0);
  CHECK(result.deliveries[0].receiver.name == "ce");
  const auto outgoing = state.outgoing(result.deliveries[0].no);
  REQUIRE(outgoing);
  CHECK(outgoing->endpoint == "ce");
  CHECK(outgoing->format == BodyFormat::cloudevents);
  CHECK(outgoing->body->find("ai.mjwatchd.webhook.test") != std::string::npos);
  CHECK(state.commit(change::Test{"nobody", kNoon}).code == Code::missing);
}

TEST_CASE("lists of deliveries: newest first, by state, endpoint and task, with a cursor") {
  State state;
  state.rules.default_list = {"app", "all"};
  state.store->reload(state.rules);
  for (int i = 0; i < 4; ++i) {
    state.commit(registration("t" + std::to_string(i)));
    state.commit(success("t" + std::to_string(i)));
  }
  DeliveryQuery query;
  auto all = state.deliveries(query);
  REQUIRE(all.size() == 8);
  CHECK(all[0].record.no > all[1].record.no);
  CHECK(all[0].key == key("t3"));
  CHECK(all[0].attempts.empty());
  query.limit = 3;
  query.after = all[2].record.no;
  CHECK(state.deliveries(query).at(0).record.no == all[3].record.no);
  CHECK(state.deliveries(query).size() == 3);
  query = {};
  query.endpoint = "all";
  CHECK(state.deliveries(query).size() == 4);
  query.id = "t2";
  CHECK(state.deliveries(query).size() == 1);
  query.gateway = "other";
  CHECK(state.deliveries(query).empty());
  query = {};
  query.gateway = "octopusx";
  CHECK(state.deliveries(query).size() == 8);
  state.commit(moved(all[0].record.no, DeliveryState::dead, "why"));
  query = {};
  query.state = DeliveryState::dead;
  REQUIRE(state.deliveries(query).size() == 1);
  CHECK(state.deliveries(query)[0].reason == "why");
  query.endpoint = "nobody";
  CHECK(state.deliveries(query).empty());
}

TEST_CASE("a secret is sealed on disk, and another key can't open it") {
  State state;
  auto change = registration("a");
  change.registration.webhooks = std::vector<WebhookTarget>{url("https://x.example/", "whsec_dGhlLXNlY3JldA")};
  state.commit(change);
  const auto no = state.commit(success("a")).deliveries.at(0).no;
  CHECK(state.outgoing(no)->target.secret == "whsec_dGhlLXNlY3JldA");
  CHECK(state.look("SELECT count(*) FROM targets WHERE " + state.home->holds("secret", "dGhl")) == 0);
  state.box_key = std::string(32, 'x');
  if (!state.home->opens_under_any_key()) {
    CHECK_THROWS(state.reopen());
    return;
  }
  state.reopen();
  CHECK_FALSE(state.outgoing(no));
  CHECK_FALSE(state.outgoing(4711));
}

TEST_CASE("a webhook to an endpoint that is no longer configured is held when it is to be sent again") {
  State state;
  state.commit(registration("a"));
  const auto webhook = state.commit(success("a")).deliveries.at(0);
  deliver(state, webhook);
  store::StoreRules fewer = usual_rules();
  fewer.endpoints.erase("app");
  state.store->reload(fewer);
  change::Replay again;
  again.no = webhook.no;
  again.at = kNoon + 1h;
  CHECK(state.commit(again).deliveries.at(0).state == DeliveryState::held);
  CHECK(state.delivery(webhook.no).reason == "its endpoint is not in the configuration");
}

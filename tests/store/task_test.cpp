#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store::test;

namespace {

rapidjson::Document parsed(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  REQUIRE_FALSE(document.HasParseError());
  return document;
}

change::Register with_receivers(const std::string& id, std::vector<WebhookTarget> webhooks) {
  auto change = registration(id);
  change.registration.webhooks = std::move(webhooks);
  return change;
}

change::Task telling(change::Task change, std::vector<EventType> events) {
  change.events = std::move(events);
  return change;
}

/// SUCCESS whose pictures are still to come.
change::Task saving(const std::string& id, const std::string& more = {}, WallTime at = kNoon + 2min) {
  change::Task change;
  change.key = key(id);
  change.snapshot = snapshot(id, Status::success, 100, more);
  change.phase = Phase::saving;
  change.at = at;
  return change;
}

ImageResult one_image(const std::string& path = "/pictures/a.png") {
  ImageResult result;
  result.images.push_back({path, "https://cdn.example/a.png", "00ff", 1234, "image/png", 20, 10});
  return result;
}

change::Task announced(const std::string& id, Phase phase, ImageResult images) {
  auto change = ended(id, Ending::succeeded, EventType::succeeded, kNoon + 3min);
  change.phase = phase;
  change.images = std::move(images);
  return change;
}

std::vector<std::string> receivers_of(const CommitResult& result) {
  std::vector<std::string> names;
  for (const auto& delivery : result.deliveries) names.push_back(delivery.receiver.name);
  return names;
}

}  // namespace

TEST_CASE("what replies say is merged, and an emptier one erases nothing") {
  State state;
  state.commit(registration("a"));
  auto first = running("a", 10);
  first.snapshot = snapshot("a", Status::in_progress, 10, R"(,"prompt":"a cat","buttons":[1])");
  first.snapshot->submitted = kNoon - 3s;
  first.snapshot->started = kNoon;
  CHECK(state.commit(first).code == Code::done);
  auto second = running("a", 30, kNoon + 2min);
  second.snapshot = snapshot("a", Status::unknown, 30, R"(,"prompt":"","buttons":[])");
  second.snapshot->action.clear();
  const auto result = state.commit(second);
  REQUIRE(result.task);
  CHECK(result.task->status == Status::in_progress);
  CHECK(result.task->progress == 30);
  CHECK(result.task->action == "IMAGINE");
  CHECK(result.task->submitted_at == kNoon - 3s);
  CHECK(result.task->started_at == kNoon);
  CHECK(result.task->changed_at == kNoon + 2min);
  CHECK(result.task->digest == second.snapshot->digest);
  state.reopen();
  const auto view = state.task("a");
  const auto object = parsed(view.object);
  CHECK(object["prompt"].GetString() == std::string("a cat"));
  CHECK(object["buttons"].Size() == 1);
  CHECK(object["progress"].GetString() == std::string("30%"));
  CHECK(view.record.digest == second.snapshot->digest);
  CHECK(view.record.digest > (1ULL << 62U));  // all 64 bits come back
}

TEST_CASE("a look that moves neither status nor progress leaves the time of the last change") {
  State state;
  state.commit(registration("a"));
  state.commit(running("a", 10, kNoon + 1min));
  auto again = running("a", 10, kNoon + 9min);
  again.snapshot->digest = 77;
  again.stalled = true;
  const auto result = state.commit(again);
  CHECK(result.task->changed_at == kNoon + 1min);
  CHECK(result.task->digest == 77);
  CHECK(result.task->stalled);
}

TEST_CASE("events are numbered from 1, and only those that are recorded count") {
  State state;
  state.commit(with_receivers("quiet", {endpoint("app")}));
  const auto started = state.commit(telling(running("quiet", 0), {EventType::started, EventType::progress}));
  REQUIRE(started.events.size() == 2);
  CHECK(started.events[0].no > 0);
  CHECK(started.events[0].sequence == 1);
  CHECK(started.events[0].webhook_id.size() == 36);
  CHECK(started.events[0].webhook_id.starts_with("evt_"));
  CHECK(started.deliveries.empty());  // "app" does not hear of it
  CHECK(started.events[1].no == 0);
  CHECK(started.events[1].type == EventType::progress);
  CHECK(parsed(*started.events[1].body)["type"].GetString() == std::string("task.progress"));
  const auto finished = state.commit(success("quiet"));
  CHECK(finished.events[0].sequence == 2);
  CHECK(finished.events[0].webhook_id != started.events[0].webhook_id);
  CHECK(state.task("quiet").sequence == 2);
  CHECK(state.events().events.size() == 2);

  state.commit(with_receivers("loud", {endpoint("app"), endpoint("all")}));
  const auto progress = state.commit(telling(running("loud", 5), {EventType::started, EventType::progress}));
  CHECK(progress.events[1].no > progress.events[0].no);
  CHECK(progress.events[1].sequence == 2);
  REQUIRE(progress.deliveries.size() == 2);
  CHECK(progress.deliveries[1].receiver.name == "all");
  CHECK(progress.deliveries[1].type == EventType::progress);
  CHECK(progress.deliveries[1].sequence == 2);
  CHECK(progress.deliveries[1].event == progress.events[1].no);
  CHECK(progress.deliveries[1].task == state.task("loud").no);
  CHECK(progress.deliveries[1].state == DeliveryState::pending);
  CHECK(progress.deliveries[1].attempts == 0);
  CHECK(progress.deliveries[1].due == kNoon + 1min);
}

TEST_CASE("a filter: the receiver's own, else the registration's, else the endpoint's") {
  State state;
  const EventMask only_lost = mask_of(EventType::lost);
  auto change = with_receivers("a", {endpoint("app"), endpoint("all", only_lost), url("https://x.example/1"),
                                     url("https://x.example/2", "whsec_c2VjcmV0", mask_of(EventType::started))});
  SUBCASE("nobody says") {
    state.commit(change);
    CHECK(state.commit(telling(running("a", 0), {EventType::started})).deliveries.size() == 1);
    CHECK(receivers_of(state.commit(success("a"))).size() == 2);  // "app" and the first URL
  }
  SUBCASE("the registration says") {
    change.registration.events = mask_of(EventType::started);
    state.commit(change);
    CHECK(state.commit(telling(running("a", 0), {EventType::started})).deliveries.size() == 3);
    CHECK(state.commit(success("a")).deliveries.empty());
  }
  SUBCASE("the receiver says") {
    state.commit(change);
    const auto lost = state.commit(ended("a", Ending::lost, EventType::lost));
    CHECK(receivers_of(lost).at(0) == "app");
    CHECK(receivers_of(lost).at(1) == "all");
    CHECK(lost.deliveries.size() == 3);
  }
}

TEST_CASE("without a list of receivers the default list is heard, as it is when the event comes") {
  State state;
  state.commit(registration("a"));
  state.commit(registration("b"));
  CHECK(receivers_of(state.commit(success("a"))) == std::vector<std::string>{"app"});
  state.rules.default_list = {"ce", "nh", "ce"};
  state.store->reload(state.rules);
  CHECK(receivers_of(state.commit(success("b"))) == std::vector<std::string>{"ce", "nh"});
  state.commit(with_receivers("c", {}));
  CHECK(state.task("c").webhooks == "[]");
  const auto none = state.commit(success("c"));
  CHECK(none.deliveries.empty());
  CHECK(none.events.at(0).no > 0);
}

TEST_CASE("each receiver gets the body in its format, and a format is rendered once") {
  State state;
  auto change = with_receivers("a", {endpoint("app"), endpoint("all"), endpoint("ce"), endpoint("nh"),
                                     url("https://x.example/", "", std::nullopt, BodyFormat::notify_hook)});
  change.registration.metadata = R"({"n":12345678901234567890})";
  state.commit(change);
  state.commit(running("a", 40));
  const auto result = state.commit(success("a"));
  REQUIRE(result.deliveries.size() == 5);
  std::vector<Outgoing> out;
  for (const auto& delivery : result.deliveries) out.push_back(*state.outgoing(delivery.no));
  CHECK(*out[0].body == *result.events[0].body);
  CHECK(*out[1].body == *out[0].body);
  for (const auto& one : out) CHECK(one.webhook_id == result.events[0].webhook_id);
  const auto standard = parsed(*out[0].body);
  CHECK(standard["type"].GetString() == std::string("task.succeeded"));
  CHECK(standard["timestamp"].GetString() == std::string("2023-11-14T22:15:20.000Z"));
  CHECK(standard["data"]["sequence"].GetInt() == 1);
  CHECK(standard["data"]["status"].GetString() == std::string("SUCCESS"));
  CHECK(standard["data"]["previous_status"].GetString() == std::string("IN_PROGRESS"));
  CHECK(out[0].body->find(R"("metadata":{"n":12345678901234567890})") != std::string::npos);
  const auto cloud = parsed(*out[2].body);
  CHECK(out[2].format == BodyFormat::cloudevents);
  CHECK(cloud["id"].GetString() == result.events[0].webhook_id);
  CHECK(*out[3].body == state.task("a").object);
  CHECK(*out[4].body == *out[3].body);
  CHECK(out[3].endpoint == "nh");
  CHECK(out[3].target.url.empty());
  CHECK(out[4].endpoint.empty());
  CHECK(out[4].target.url == "https://x.example/");
  CHECK(out[4].target.secret.empty());
  CHECK(state.look("SELECT count(*) FROM bodies") == 2);
}

TEST_CASE("previous_status is that before the last look, and null when there was none") {
  State state;
  state.commit(registration("a"));
  state.commit(registration("b"));
  state.commit(registration("c"));
  const auto previous = [](const CommitResult& result) {
    const auto body = parsed(*result.events.at(0).body);
    const auto& value = body["data"]["previous_status"];
    return value.IsNull() ? std::string("null") : std::string(value.GetString());
  };
  CHECK(previous(state.commit(telling(running("a", 0), {EventType::started}))) == "null");
  CHECK(previous(state.commit(telling(running("a", 9), {EventType::stalled}))) == "IN_PROGRESS");
  CHECK(previous(state.commit(ended("b", Ending::lost, EventType::lost))) == "null");
  state.commit(running("c", 90));
  state.commit(saving("c"));
  state.reopen();
  CHECK(previous(state.commit(announced("c", Phase::done, one_image()))) == "IN_PROGRESS");
}

TEST_CASE("deliveries are held from the start while their receiver can't be sent to") {
  State state;
  state.commit(with_receivers("a", {endpoint("app"), endpoint("all")}));
  state.commit(change::Receiver{"app", true, "HTTP 410", kNoon});
  const auto result = state.commit(success("a"));
  REQUIRE(result.deliveries.size() == 2);
  CHECK(result.deliveries[0].state == DeliveryState::held);
  CHECK(state.delivery(result.deliveries[0].no).reason == "its receiver is disabled");
  CHECK(result.deliveries[1].state == DeliveryState::pending);
}

TEST_CASE("an endpoint that is gone from the configuration hears the usual events, and has them held") {
  State state;
  state.commit(registration("a"));
  state.rules.endpoints.erase("app");
  state.store->reload(state.rules);
  const auto result = state.commit(success("a"));
  REQUIRE(result.deliveries.size() == 1);
  CHECK(result.deliveries[0].state == DeliveryState::held);
  CHECK(state.delivery(result.deliveries[0].no).reason == "its endpoint is not in the configuration");
}

TEST_CASE("what comes while earlier deliveries are held waits behind them") {
  State state;
  state.commit(registration("a"));
  state.commit(registration("b"));
  const auto first = state.commit(success("a"));
  change::Delivery held;
  held.no = first.deliveries.at(0).no;
  held.state = DeliveryState::held;
  state.commit(held);
  const auto second = state.commit(success("b"));
  CHECK(second.deliveries.at(0).state == DeliveryState::held);
  const auto revived = state.commit(change::Receiver{"app", false, "", kNoon + 1h});
  REQUIRE(revived.deliveries.size() == 2);
  CHECK(revived.deliveries[0].no == held.no);
  CHECK(revived.deliveries[1].no == second.deliveries[0].no);
}

TEST_CASE("success with pictures to save has no event until they are there") {
  State state;
  state.commit(registration("a"));
  state.commit(running("a", 95));
  // 2026-01-01T00:00:00Z and a day later.
  const auto result = state.commit(saving(
      "a",
      R"(,"imageUrl":"https://cdn.example/a.png?ex=6955b900&is=1","imageUrls":["https://cdn.example/b.png?ex=69570a80"])"));
  CHECK(result.events.empty());
  CHECK(result.deliveries.empty());
  REQUIRE(result.task);
  CHECK(result.task->phase == Phase::saving);
  CHECK(result.task->success_at == kNoon + 2min);
  CHECK(result.task->link_expires_at == WallTime(1767225600s));
  CHECK(state.task("a").ending == Ending::none);
  CHECK_FALSE(state.task("a").ended_at);
  CHECK(state.counts().saving == 1);

  const auto done = state.commit(announced("a", Phase::done, one_image()));
  REQUIRE(done.deliveries.size() == 1);
  const auto body = parsed(*done.events.at(0).body);
  CHECK(body["data"]["images"][0]["path"].GetString() == std::string("/pictures/a.png"));
  CHECK(body["data"]["images"][0]["bytes"].GetInt() == 1234);
  CHECK(body["data"]["image_error"].IsNull());
  state.reopen();
  const auto view = state.task("a");
  CHECK(view.record.phase == Phase::done);
  CHECK(view.ending == Ending::succeeded);
  CHECK(view.ended_at == kNoon + 3min);
  CHECK(view.record.success_at == kNoon + 2min);
  REQUIRE(view.images.images.size() == 1);
  CHECK(view.images.images[0].width == 20);
  CHECK(view.images.images[0].sha256 == "00ff");
}

TEST_CASE("a picture that comes late is told of, and ends the lateness without a second end") {
  State state;
  state.commit(registration("a"));
  state.commit(saving("a"));
  ImageResult missing;
  missing.error = "not saved in time";
  missing.seed = "12345";
  state.commit(announced("a", Phase::late, missing));
  CHECK(state.counts().late == 1);
  CHECK(state.task("a").images.error == "not saved in time");
  auto late = announced("a", Phase::done, one_image());
  SUBCASE("with its event") {
    late.events = {EventType::images};
    const auto result = state.commit(late);
    CHECK(result.code == Code::done);
    CHECK(result.events.at(0).sequence == 2);
    const auto view = state.task("a");
    CHECK(view.images.images.size() == 1);
    CHECK_FALSE(view.images.error);
    CHECK(view.images.seed == "12345");  // what was known stays
    CHECK(view.ended_at == kNoon + 3min);
  }
  SUBCASE("given up on without an event") {
    late.events.clear();
    late.images.reset();
    CHECK(state.commit(late).code == Code::done);
    CHECK(state.task("a").record.phase == Phase::done);
    CHECK(state.task("a").images.error == "not saved in time");
  }
  SUBCASE("and a second end is not taken") {
    CHECK(state.commit(late).code == Code::missing);
    CHECK(state.task("a").record.phase == Phase::late);
    CHECK(state.task("a").sequence == 1);
  }
}

TEST_CASE("pictures of a finished task can be renewed") {
  State state;
  state.commit(registration("a"));
  state.commit(saving("a"));
  state.commit(announced("a", Phase::done, {}));
  auto renewed = announced("a", Phase::done, one_image("/new.png"));
  renewed.events = {EventType::images};
  CHECK(state.commit(renewed).code == Code::done);
  CHECK(state.task("a").images.images.at(0).path == "/new.png");
  ImageResult nothing;
  auto emptier = announced("a", Phase::done, nothing);
  emptier.events.clear();
  CHECK(state.commit(emptier).code == Code::done);
  CHECK(state.task("a").images.images.size() == 1);
}

TEST_CASE("an end never turns back, and whoever comes after it is told that it is over") {
  State state;
  state.commit(registration("a"));
  state.commit(registration("b"));
  state.commit(saving("b"));
  REQUIRE(state.commit(ended("a", Ending::expired, EventType::expired)).code == Code::done);
  const auto before = state.task("a");
  CHECK(state.commit(running("a", 50)).code == Code::missing);
  CHECK(state.commit(success("a")).code == Code::missing);
  CHECK(state.commit(ended("a", Ending::expired, EventType::expired)).code == Code::missing);
  CHECK(state.commit(ended("a", Ending::lost, EventType::lost)).code == Code::missing);
  CHECK(state.commit(running("b", 50)).code == Code::missing);
  CHECK(state.commit(ended("b", Ending::expired, EventType::expired)).code == Code::missing);
  CHECK(state.commit(saving("b")).code == Code::missing);
  CHECK(state.commit(running("nobody", 1)).code == Code::missing);
  const auto after = state.task("a");
  CHECK(after.object == before.object);
  CHECK(after.sequence == 1);
  CHECK(after.ending == Ending::expired);
  CHECK(state.task("b").record.phase == Phase::saving);
  CHECK(state.events().events.size() == 1);
}

TEST_CASE("that a task has started is told once, though the daemon was killed in between") {
  State state;
  state.commit(registration("a"));
  auto started = running("a", 0);
  started.events = {EventType::started};
  REQUIRE(state.commit(started).events.size() == 1);
  state.reopen();
  auto again = running("a", 5);
  again.events = {EventType::started};
  const auto result = state.commit(again);
  CHECK(result.code == Code::done);
  CHECK(result.events.empty());
}

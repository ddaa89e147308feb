#include "daemon/webhooks/receiver.hpp"

#include <doctest/doctest.h>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store::test;

TEST_CASE("a receiver added to a live task hears from then on, beside the default list") {
  State state;
  state.commit(registration("a"));
  const auto added = state.commit(change::AddReceiver{key("a"), url("https://x.example/"), kNoon});
  CHECK(added.code == Code::done);
  CHECK(added.deliveries.empty());
  CHECK(state.task("a").webhooks == R"(["app",{"url":"https://x.example/","format":"standard"}])");
  CHECK(state.commit(success("a")).deliveries.size() == 2);
  CHECK(state.commit(change::AddReceiver{key("nobody"), endpoint("app"), kNoon}).code == Code::missing);
}

TEST_CASE("a receiver the task has already is existing, one given differently a conflict") {
  State state;
  state.commit(registration("a"));
  CHECK(state.commit(change::AddReceiver{key("a"), endpoint("app"), kNoon}).code == Code::existing);
  const auto mine = url("https://x.example/", "whsec_b25l", mask_of(EventType::lost));
  REQUIRE(state.commit(change::AddReceiver{key("a"), mine, kNoon}).code == Code::done);
  CHECK(state.commit(change::AddReceiver{key("a"), mine, kNoon}).code == Code::existing);
  auto other = mine;
  other.secret = "whsec_dHdv";
  CHECK(state.commit(change::AddReceiver{key("a"), other, kNoon}).code == Code::conflict);
  other = mine;
  other.events.reset();
  CHECK(state.commit(change::AddReceiver{key("a"), other, kNoon}).code == Code::conflict);
  other = mine;
  other.format = BodyFormat::cloudevents;  // in another format it is another receiver
  CHECK(state.commit(change::AddReceiver{key("a"), other, kNoon}).code == Code::done);
  CHECK(state.look("SELECT count(*) FROM targets") == 2);
}

TEST_CASE("adding a receiver leaves the registration the same") {
  State state;
  auto change = registration("a");
  change.registration.given = {{"webhooks", R"(["app"])"}};
  change.registration.webhooks = std::vector<WebhookTarget>{endpoint("app")};
  state.commit(change);
  state.commit(change::AddReceiver{key("a"), endpoint("all"), kNoon});
  CHECK(state.commit(change).code == Code::existing);
  CHECK(state.task("a").webhooks == R"(["app","all"])");
}

TEST_CASE("of an ended task the final event is sent, the same event and id, in the receiver's format") {
  State state;
  state.commit(registration("a"));
  auto started = running("a", 1);
  started.events = {EventType::started};
  state.commit(started);
  const auto finished = state.commit(success("a"));
  const auto standard = state.commit(change::AddReceiver{key("a"), url("https://x.example/"), kNoon + 5h});
  REQUIRE(standard.deliveries.size() == 1);
  CHECK(standard.deliveries[0].event == finished.events[0].no);
  CHECK(standard.deliveries[0].sequence == 2);
  CHECK(standard.deliveries[0].type == EventType::succeeded);
  CHECK(standard.deliveries[0].due == kNoon + 5h);
  CHECK(standard.events.empty());
  auto outgoing = state.outgoing(standard.deliveries[0].no);
  CHECK(outgoing->webhook_id == finished.events[0].webhook_id);
  CHECK(*outgoing->body == *finished.events[0].body);

  const auto cloud = state.commit(change::AddReceiver{
      key("a"), url("https://x.example/", "whsec_c2VjcmV0", std::nullopt, BodyFormat::cloudevents), kNoon + 6h});
  REQUIRE(cloud.deliveries.size() == 1);
  outgoing = state.outgoing(cloud.deliveries[0].no);
  CHECK(outgoing->webhook_id == finished.events[0].webhook_id);
  CHECK(outgoing->body->find(R"("sequence":2)") != std::string::npos);
  CHECK(outgoing->body->find(R"("time":"2023-11-14T22:15:20.000Z")") != std::string::npos);

  const auto unwanted = state.commit(change::AddReceiver{
      key("a"), url("https://x.example/other", "whsec_c2VjcmV0", mask_of(EventType::failed)), kNoon + 6h});
  CHECK(unwanted.code == Code::done);
  CHECK(unwanted.deliveries.empty());
}

TEST_CASE("events of changes that come together are answered under the numbers they are stored under") {
  State state;
  for (const char* id : {"a", "b", "c", "d"}) state.commit(registration(id));
  state.commit(success("a"));
  // In the middle an event is looked for that was stored long ago, and one that came just now.
  const auto results = state.commit_all(
      {success("b"),
       change::AddReceiver{key("a"), url("https://x.example/", "whsec_b25l", {}, BodyFormat::cloudevents), kNoon},
       success("c"),
       change::AddReceiver{key("c"), url("https://y.example/", "whsec_dHdv", {}, BodyFormat::cloudevents), kNoon},
       success("d")});
  EventNo last = 0;
  for (const CommitResult& result : results) {
    REQUIRE(result.code == Code::done);
    for (const CommittedEvent& event : result.events) {
      CHECK(event.no == state.look("SELECT no FROM events WHERE webhook_id = '" + event.webhook_id + "'"));
      CHECK(event.no > last);
      last = event.no;
    }
    for (const DeliveryRecord& delivery : result.deliveries) {
      CHECK(delivery.event == state.look("SELECT event FROM deliveries WHERE no = " + std::to_string(delivery.no)));
    }
  }
  CHECK(state.look("SELECT count(*) FROM bodies JOIN events ON events.no = bodies.event") == 2);
  CHECK(state.look("SELECT count(*) FROM deliveries JOIN events ON events.no = deliveries.event") ==
        state.look("SELECT count(*) FROM deliveries"));
  CHECK(last == 4);
}

TEST_CASE("a task whose pictures are still being saved has not ended") {
  State state;
  state.commit(registration("a"));
  auto saving = success("a");
  saving.phase = Phase::saving;
  saving.ending = Ending::none;
  saving.events.clear();
  state.commit(saving);
  CHECK(state.commit(change::AddReceiver{key("a"), endpoint("all"), kNoon}).deliveries.empty());
  auto end = ended("a", Ending::succeeded, EventType::succeeded);
  CHECK(state.commit(end).deliveries.size() == 2);
}

TEST_CASE("a task's receivers are bounded") {
  State state;
  state.commit(registration("a"));
  std::vector<Change> many;
  for (int i = 0; i < 101; ++i) {
    many.emplace_back(change::AddReceiver{key("a"), url("https://x.example/" + std::to_string(i)), kNoon});
  }
  const auto results = state.commit_all(std::move(many));
  CHECK(results[99].code == Code::done);
  CHECK(results[100].code == Code::conflict);
  CHECK(results[100].detail.find("100 receivers") != std::string::npos);
}

TEST_CASE("what a schedule learned is kept, the last word of each gateway") {
  State state;
  CHECK(state.commit(change::Learned{"octopusx", "one"}).code == Code::done);
  CHECK(state.commit(change::Learned{"other", "two"}).code == Code::done);
  CHECK(state.commit(change::Learned{"octopusx", "three"}).code == Code::done);
  state.reopen();
  const auto all = state.adopt();
  REQUIRE(all.size() == 2);
  CHECK(std::get<event::LearnedAdopted>(all[0]).state == "three");
  CHECK(std::get<event::LearnedAdopted>(all[1]).gateway == "other");
}

TEST_CASE("a URL that was disabled by its name alone belongs to its host once a task names it") {
  State state;
  const auto target = url("https://x.example/hook", "");
  const auto receiver = webhooks::receiver_of(target);
  REQUIRE(state.commit(change::Receiver{receiver.name, true, "by hand", kNoon}).code == Code::done);
  CHECK(state.look("SELECT count(*) FROM receivers WHERE grp = ''") == 1);
  auto task = registration("a");
  task.registration.webhooks = {target};
  REQUIRE(state.commit(task).code == Code::done);
  CHECK(state.look("SELECT count(*) FROM receivers WHERE grp = '" + receiver.group + "'") == 1);
  const auto sent = state.commit(success("a")).deliveries.at(0);
  CHECK(sent.receiver.group == receiver.group);
  CHECK(sent.state == DeliveryState::held);
}

TEST_CASE("lessons are put to what was learned before, in whichever way, and the answer is the whole") {
  State state;
  CHECK(state.commit(change::Learned{"g", "", true}).learned.empty());
  CHECK(state.look("SELECT count(*) FROM learned") == 0);  // who only asks leaves nothing
  REQUIRE(state.commit(change::Learned{"g", lessons("IMAGINE", 3, 20)}).learned.empty());
  const auto first = state.commit(change::Learned{"g", lessons("IMAGINE", 2, 30), true});
  CHECK(ends_in(first.learned) == std::map<std::string, std::uint32_t>{{"IMAGINE", 5}});
  const auto second = state.commit(change::Learned{"g", lessons("VIDEO", 4, 200), true});
  CHECK(ends_in(second.learned) == std::map<std::string, std::uint32_t>{{"IMAGINE", 5}, {"VIDEO", 4}});
  CHECK(state.commit(change::Learned{"g", "", true}).learned == second.learned);
  CHECK(state.commit(change::Learned{"other", "", true}).learned.empty());
  state.reopen();
  const auto all = state.adopt();
  REQUIRE(all.size() == 1);
  CHECK(std::get<event::LearnedAdopted>(all[0]).state == second.learned);
}

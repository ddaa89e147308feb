// What clients, people and other daemons tell the watcher.
#include "tests/core/watch.hpp"

using namespace mjwatchd;
using Answer = FetchReply::Verdict;

namespace {

DeliveryRecord delivery(DeliveryNo no) {
  DeliveryRecord record;
  record.no = no;
  record.task = 1;
  record.sequence = static_cast<std::uint32_t>(no);
  record.type = EventType::succeeded;
  record.receiver = {"url:x", "origin:x"};
  return record;
}

CommitResult done() {
  CommitResult result;
  result.code = CommitResult::Code::done;
  return result;
}

ChangeNo persisted(const Actions& actions) {
  REQUIRE(Watch::find<action::Persist>(actions) != nullptr);
  return Watch::find<action::Persist>(actions)->no;
}

}  // namespace

TEST_CASE("a deleted task is watched until the disk says that it is gone, and its late replies are nobody's") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  const auto call = w.call();
  const Actions asked = w.tell({event::Deleted{5, {"g", "a"}}});
  CHECK(std::holds_alternative<change::Forget>(Watch::find<action::Persist>(asked)->change));
  CHECK(w.watcher.holds({"g", "a"}));
  SUBCASE("done") {
    const Actions told = w.tell({event::Persisted{persisted(asked), done()}});
    REQUIRE(Watch::find<action::Answer>(told) != nullptr);
    CHECK(Watch::find<action::Answer>(told)->ticket == 5);
    CHECK_FALSE(w.watcher.holds({"g", "a"}));
    CHECK(w.reply(call, Answer::answered, {Watch::snapshot("a", Status::success)}).empty());
    CHECK(w.watcher.next_wakeup() == kNever);
  }
  SUBCASE("the disk fails: it is still watched") {
    w.commit(asked, CommitResult::Code::failed);
    CHECK(w.watcher.holds({"g", "a"}));
  }
}

TEST_CASE("a task deleted while a change of it is on its way does not come back with that") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  const auto call = w.call();
  FetchReply reply;
  reply.verdict = Answer::answered;
  reply.tasks = {Watch::snapshot("a", Status::in_progress)};
  const Actions seen = w.tell({event::BatchFetched{call.no, reply}});
  const Actions asked = w.tell({event::Deleted{5, {"g", "a"}}});
  w.tell({event::Persisted{persisted(asked), done()}});
  w.tell({event::Persisted{persisted(seen), done()}});
  CHECK(w.watcher.live() == 0);

  SUBCASE("nor does it harm a new one of its name") {
    w.tell({event::Adopted{w.record("a")}});
    CHECK(w.watcher.live() == 1);
    CHECK_FALSE(w.call().ids.empty());
  }
}

TEST_CASE("a change that the store says is missing ends the watch") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  const auto call = w.call();
  FetchReply reply;
  reply.verdict = Answer::answered;
  reply.tasks = {Watch::snapshot("a", Status::in_progress)};
  const Actions seen = w.tell({event::BatchFetched{call.no, reply}});
  w.commit(seen, CommitResult::Code::missing);
  CHECK_FALSE(w.watcher.holds({"g", "a"}));
}

TEST_CASE("a released task is another daemon's") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}, event::Adopted{w.record("b")}});
  const auto call = w.call();
  w.tell({event::Released{{"g", "a"}}, event::Released{{"nowhere", "x"}}});
  CHECK_FALSE(w.watcher.holds({"g", "a"}));
  CHECK(w.watcher.holds({"g", "b"}));
  w.answer(call);
  for (int i = 0; i < 3; ++i) {
    const auto next = w.call();
    CHECK(next.ids == std::vector<std::string>{"b"});
    w.answer(next);
  }
}

TEST_CASE("a refresh has the gateway asked at once") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  w.clock = 20min;
  w.answer(w.call());
  w.answer(w.call());
  const milliseconds before = w.clock;
  REQUIRE(w.watcher.next_wakeup() > Time(before));
  w.tell({event::RefreshAsked{{"g", "a"}, std::nullopt}});
  CHECK(w.call().left == before);
  // While it is being asked about, and for a task nobody knows, there is nothing to do.
  CHECK(w.tell({event::RefreshAsked{{"g", "a"}, std::nullopt}}).empty());
  CHECK(w.tell({event::RefreshAsked{{"g", "zzz"}, std::nullopt}}).empty());
}

TEST_CASE("any other wish goes to the store as it is, and its result to the client and the outbox") {
  Watch w;
  change::Replay replay;
  replay.no = 3;
  const Actions asked = w.tell({event::ChangeAsked{8, replay}});
  CommitResult result = done();
  result.deliveries = {delivery(3)};
  result.events.emplace_back();
  const Actions told = w.tell({event::Persisted{persisted(asked), result}});
  REQUIRE(Watch::find<action::Answer>(told) != nullptr);
  CHECK(Watch::find<action::Answer>(told)->ticket == 8);
  CHECK(Watch::find<action::Announce>(told) != nullptr);
  REQUIRE(Watch::find<action::Send>(told) != nullptr);
  CHECK(Watch::find<action::Send>(told)->delivery == 3);
}

TEST_CASE("a receiver that somebody disables gets nothing from the commit on, and all when it is enabled") {
  Watch w;
  w.tell({event::DeliveryAdopted{delivery(1)}});
  change::Receiver receiver;
  receiver.name = "url:x";
  receiver.disabled = true;
  const Actions asked = w.tell({event::ChangeAsked{8, receiver}});
  w.tell({event::Persisted{persisted(asked), done()}});
  REQUIRE(w.watcher.outbox().receivers().size() == 1);
  CHECK(w.watcher.outbox().receivers()[0].disabled);
  receiver.disabled = false;
  const Actions enabled = w.tell({event::ChangeAsked{9, receiver}});
  CommitResult freed = done();
  freed.deliveries = {delivery(2)};
  const Actions told = w.tell({event::Persisted{persisted(enabled), freed}});
  CHECK(Watch::find<action::Answer>(told)->ticket == 9);
  // Delivery 1 was on its way all the time, so that 2 follows it.
  CHECK(w.watcher.outbox().pending() == 2);
}

TEST_CASE("changes of the watcher and of its outbox never share a number") {
  Watch w;
  std::vector<ChangeNo> numbers;
  const auto note = [&numbers](const Actions& out) {
    for (const Action& one : out) {
      if (const auto* asked = std::get_if<action::Persist>(&one)) numbers.push_back(asked->no);
    }
  };
  for (DeliveryNo no = 1; no < 5; ++no) {
    Registration registration;
    registration.key = {"g", "t" + std::to_string(no)};
    note(w.tell({event::DeliveryAdopted{delivery(no)}, event::Registered{1, registration}}));
    SendResult good;
    good.http_status = 200;
    note(w.tell({event::Sent{1, good}}));
  }
  REQUIRE(numbers.size() == 5);
  for (std::size_t i = 1; i < numbers.size(); ++i) CHECK(numbers[i] > numbers[i - 1]);
}

TEST_CASE("tasks of a gateway that is gone from the configuration are held, and go on when it is back") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}, event::Adopted{w.record("b")}});
  const auto call = w.call();
  Settings without = Watch::defaults();
  without.gateways = {{"other", {}}};
  Actions out;
  w.watcher.reconfigure(without, w.now(), out);
  CHECK(w.watcher.live() == 2);
  // What was in flight is still heard.
  w.reply(call, Answer::answered, {Watch::snapshot("a", Status::in_progress)});
  CHECK_FALSE(w.call_within(2h));
  const auto views = w.watcher.gateways();
  const auto held = std::find_if(views.begin(), views.end(), [](const GatewayView& view) { return view.name == "g"; });
  REQUIRE(held != views.end());
  CHECK_FALSE(held->configured);
  CHECK(held->live == 2);
  out.clear();
  w.watcher.reconfigure(Watch::defaults(), w.now(), out);
  const auto again = w.call();
  CHECK(again.ids.size() == 2);
  CHECK(again.left - w.clock <= 2s);
}

TEST_CASE("a held task expires all the same, and one registered for a gateway nobody knows is held") {
  Watch w;
  TaskRecord stranger = w.record("a");
  stranger.key.gateway = "nowhere";
  w.tell({event::Adopted{stranger}});
  CHECK(w.watcher.holds(stranger.key));
  const Actions out = w.at(24h);
  REQUIRE(Watch::change(out) != nullptr);
  CHECK(Watch::change(out)->ending == Ending::expired);
  CHECK(Watch::change(out)->events == std::vector{EventType::expired});
  w.commit_all(out);
  CHECK(w.watcher.live() == 0);
}

TEST_CASE("new limits hold from the reload on, and no call in flight is forgotten") {
  Watch w;
  std::vector<Event> adopted;
  for (int i = 0; i < 10; ++i) adopted.emplace_back(event::Adopted{w.record("t" + std::to_string(i))});
  w.tell(std::move(adopted));
  const auto call = w.call();
  CHECK(call.ids.size() == 10);
  Settings settings = Watch::defaults();
  settings.gateways["g"].batch = 3;
  settings.watch.max_gap = 5s;
  Actions out;
  w.watcher.reconfigure(settings, w.now(), out);
  w.answer(call);
  std::size_t asked = 0;
  while (asked < 10) {
    const auto next = w.call();
    CHECK(next.ids.size() <= 3);
    CHECK(next.left <= w.clock + 5s);
    asked += next.ids.size();
    w.answer(next);
  }
}

TEST_CASE("what a schedule learned is taken up, and written down at most once a minute when it changed") {
  Watch w;
  w.tell({event::LearnedAdopted{"g", "of another version"}, event::LearnedAdopted{"gone", "x"}});
  w.tell({event::Adopted{w.record("a")}});
  std::map<milliseconds, int> minutes;
  while (w.clock < 20min) {
    const auto call = w.call();
    FetchReply reply;
    reply.verdict = Answer::answered;
    reply.tasks = {Watch::snapshot("a", Status::in_progress, static_cast<std::uint8_t>(w.clock / 20s))};
    const Actions out = w.tell({event::BatchFetched{call.no, reply}});
    for (const Action& one : out) {
      const auto* asked = std::get_if<action::Persist>(&one);
      if (asked != nullptr && std::holds_alternative<change::Learned>(asked->change)) ++minutes[w.clock / 60s * 60s];
    }
    w.commit_all(out);
  }
  for (const auto& [minute, times] : minutes) CHECK(times <= 1);
}

TEST_CASE("what a schedule learned before a restart is expected again after it, and through a reload") {
  std::string state;
  {
    Watch w;
    for (int i = 0; i < 8; ++i) {
      TaskRecord record = w.record("t" + std::to_string(i));
      record.action = "IMAGINE";
      w.tell({event::Adopted{record}});
      const auto call = w.call();
      w.reply(call, Answer::answered, {Watch::snapshot(call.ids.front(), Status::success)});
    }
    w.tell({event::Adopted{w.record("goes on")}});
    while (w.learned.empty()) w.answer(w.call());
    state = w.learned;
    REQUIRE(w.view().beliefs.size() == 1);
  }
  CHECK(state.size() < 32'000);
  Watch after;
  CHECK(after.view().beliefs.empty());
  after.tell({event::LearnedAdopted{"g", state}});
  REQUIRE(after.view().beliefs.size() == 1);
  CHECK(after.view().beliefs.front().action == "IMAGINE");
  const float median = after.view().beliefs.front().median_s;
  Settings dearer = Watch::defaults();
  dearer.gateways["g"].call_cost = 20s;
  Actions out;
  after.watcher.reconfigure(dearer, after.now(), out);
  REQUIRE(after.view().beliefs.size() == 1);
  CHECK(after.view().beliefs.front().median_s == doctest::Approx(median).epsilon(0.05));
}

TEST_CASE("started is not said again after a restart, though it was said before it") {
  Watch w;
  TaskRecord known = w.record("a");
  known.digest = 9;
  SUBCASE("running: said") {
    known.status = Status::in_progress;
    w.tell({event::Adopted{known}});
    CHECK(Watch::change(
              w.tell({event::BatchFetched{
                  w.call().no, {Answer::answered, {Watch::snapshot("a", Status::in_progress, 5)}, {}, {}, 200, {}}}}))
              ->events == std::vector{EventType::progress});
  }
  SUBCASE("taken in with a startTime, but not running: not yet said") {
    known.status = Status::submitted;
    known.started_at = w.now().wall;
    w.tell({event::Adopted{known}});
    CHECK(Watch::change(
              w.tell({event::BatchFetched{
                  w.call().no, {Answer::answered, {Watch::snapshot("a", Status::in_progress)}, {}, {}, 200, {}}}}))
              ->events == std::vector{EventType::started});
  }
}

TEST_CASE("after a stop nothing new is begun, and what comes back is still written down") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}, event::DeliveryAdopted{delivery(1)}, event::DeliveryAdopted{delivery(2)}});
  const auto call = w.call();
  w.watcher.stop();
  SendResult good;
  good.http_status = 200;
  const Actions sent = w.tell({event::Sent{1, good}});
  REQUIRE(Watch::find<action::Persist>(sent) != nullptr);
  CHECK(Watch::find<action::Send>(sent) == nullptr);
  SUBCASE("also when the disk fails at first") {
    w.commit(sent, CommitResult::Code::failed);
    REQUIRE(w.watcher.next_wakeup() == Time(w.clock + 1s));
    const Actions again = w.at(w.clock + 1s);
    CHECK(Watch::find<action::Persist>(again) != nullptr);
    CHECK(Watch::find<action::Send>(w.commit(again)) == nullptr);
  }
  SUBCASE("a reply") {
    w.commit(sent);
    FetchReply reply;
    reply.verdict = Answer::answered;
    reply.tasks = {Watch::snapshot("a", Status::success)};
    const Actions seen = w.tell({event::BatchFetched{call.no, reply}});
    REQUIRE(Watch::change(seen) != nullptr);
    CHECK(Watch::change(seen)->phase == Phase::saving);
    CHECK(Watch::find<action::SaveImage>(w.commit(seen)) == nullptr);
  }
  CHECK(w.watcher.next_wakeup() == kNever);
  CHECK(w.at(48h).empty());
}

TEST_CASE("times from strangers may be anything") {
  for (const WallTime when : {WallTime::min(), WallTime(0s), WallTime::max()}) {
    Watch w;
    TaskRecord strange = w.record("a");
    strange.submitted_at = strange.started_at = strange.link_expires_at = when;
    w.tell({event::Adopted{strange}});
    w.answer(w.call());
    strange.key.id = "b";
    strange.phase = Phase::late;
    strange.status = Status::success;
    strange.success_at = w.now().wall;
    w.commit_all(w.tell({event::Adopted{strange}}));
    CHECK(w.watcher.holds({"g", "a"}));
  }
}

TEST_CASE("a clock set back between two runs leaves no task waiting longer than its whole term") {
  Watch w;
  TaskRecord future = w.record("a");
  future.registered_at += 1000h;
  future.changed_at += 1000h;
  future.expire_at += 1000h;
  w.tell({event::Adopted{future}});
  CHECK(Watch::change(w.at(24h)) != nullptr);
}

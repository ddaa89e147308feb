#include "tests/core/watch.hpp"

using namespace mjwatchd;

TEST_CASE("a watcher with nothing to watch never wakes up") {
  Watch w;
  CHECK(w.watcher.next_wakeup() == kNever);
}

TEST_CASE("a client is answered only after the commit") {
  Watch w;
  Registration registration;
  registration.key = {"g", "a"};
  const Actions asked = w.tell({event::Registered{7, registration}});
  REQUIRE(Watch::find<action::Persist>(asked) != nullptr);
  CHECK(Watch::find<action::Answer>(asked) == nullptr);
  CHECK_FALSE(w.watcher.holds({"g", "a"}));
  CommitResult result;
  result.code = CommitResult::Code::done;
  result.task = w.record("a");
  const Actions told = w.tell({event::Persisted{Watch::find<action::Persist>(asked)->no, result}});
  REQUIRE(Watch::find<action::Answer>(told) != nullptr);
  CHECK(Watch::find<action::Answer>(told)->ticket == 7);
  CHECK(w.watcher.holds({"g", "a"}));
}

TEST_CASE("a task of unknown age is looked at within two seconds") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  CHECK(w.watcher.next_wakeup() <= Time(2s));
  CHECK(Watch::find<action::FetchBatch>(w.at(2s)) != nullptr);
}

TEST_CASE("success is committed without an event, and announced with its pictures") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  const Actions seen = w.reply(w.at(2s), FetchReply::Verdict::answered, {Watch::snapshot("a", Status::success, 100)});
  REQUIRE(Watch::change(seen) != nullptr);
  CHECK(Watch::change(seen)->phase == Phase::saving);
  CHECK(Watch::change(seen)->events.empty());
  CHECK(Watch::find<action::SaveImage>(seen) == nullptr);
  const Actions saving = w.commit(seen);
  REQUIRE(Watch::find<action::SaveImage>(saving) != nullptr);
  const Actions saved = w.tell({event::ImageSaved{{"g", "a"}, SaveVerdict::saved, {}}});
  REQUIRE(Watch::change(saved) != nullptr);
  CHECK(Watch::change(saved)->events == std::vector{EventType::succeeded});
  CHECK(Watch::change(saved)->ending == Ending::succeeded);
  w.commit(saved);
  CHECK(w.watcher.live() == 0);
  CHECK(w.watcher.next_wakeup() == kNever);
}

TEST_CASE("pictures that can't be had in time are announced as missing, and tried for quietly") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  w.commit(w.reply(w.at(2s), FetchReply::Verdict::answered, {Watch::snapshot("a", Status::success)}));
  const Actions late = w.at(2s + 5min);  // the save is still under way
  REQUIRE(Watch::change(late) != nullptr);
  CHECK(Watch::change(late)->phase == Phase::late);
  CHECK(Watch::change(late)->events == std::vector{EventType::succeeded});
  CHECK(Watch::change(late)->images->error.has_value());
  w.commit(late);
  const Actions came = w.tell({event::ImageSaved{{"g", "a"}, SaveVerdict::saved, {}}});
  REQUIRE(Watch::change(came) != nullptr);
  CHECK(Watch::change(came)->events == std::vector{EventType::images});
  CHECK(Watch::change(came)->phase == Phase::done);
}

TEST_CASE("a stopped watcher starts no save and does not hang on one that is due") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  w.commit(w.reply(w.at(2s), FetchReply::Verdict::answered, {Watch::snapshot("a", Status::success)}));
  w.tell({event::ImageSaved{{"g", "a"}, SaveVerdict::try_again, {}}});
  w.watcher.stop();
  CHECK(w.at(1h).empty());
  CHECK(w.watcher.next_wakeup() == kNever);
}

TEST_CASE("the quiet tries may end while one is under way") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  w.commit(w.reply(w.at(2s), FetchReply::Verdict::answered, {Watch::snapshot("a", Status::success)}));
  w.commit(w.at(2s + 5min));
  CHECK(Watch::change(w.at(25h)) == nullptr);  // its answer decides
  const Actions out = w.tell({event::ImageSaved{{"g", "a"}, SaveVerdict::try_again, {}}});
  REQUIRE(Watch::change(out) != nullptr);
  CHECK(Watch::change(out)->events.empty());
  CHECK(Watch::change(out)->phase == Phase::done);
}

TEST_CASE("a failed commit leaves the task as it was, and the next look finds the change again") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  const auto running = Watch::snapshot("a", Status::in_progress, 10);
  const Actions first = w.reply(w.at(2s), FetchReply::Verdict::answered, {running});
  w.commit(first, CommitResult::Code::failed);
  const Actions again = w.reply(w.at(3s), FetchReply::Verdict::answered, {running});
  REQUIRE(Watch::change(again) != nullptr);
  CHECK(Watch::change(again)->events == Watch::change(first)->events);
}

TEST_CASE("a failure to ask is never a failure of the task") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  for (int i = 0; i < 50; ++i) {
    const Time next = w.watcher.next_wakeup();
    REQUIRE(next != kNever);
    const Actions out = w.at(next.time_since_epoch());
    if (Watch::find<action::FetchBatch>(out) == nullptr) continue;
    CHECK(Watch::change(w.reply(out, FetchReply::Verdict::unavailable)) == nullptr);
  }
  CHECK(w.watcher.holds({"g", "a"}));
  CHECK(w.watcher.gateways().front().state == "open");
}

TEST_CASE("a task expires by our clock though its gateway is down") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  w.at(2s);  // the call never returns
  const Actions out = w.at(24h);
  REQUIRE(Watch::change(out) != nullptr);
  CHECK(Watch::change(out)->ending == Ending::expired);
  w.commit(out);
  CHECK_FALSE(w.watcher.holds({"g", "a"}));
}

TEST_CASE("an absent task is lost only when a single fetch after the grace confirms it") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  for (int i = 0; i < 50; ++i) {
    const Actions out = w.at(w.watcher.next_wakeup().time_since_epoch());
    if (Watch::find<action::FetchBatch>(out) != nullptr) {
      const Actions then = w.reply(out, FetchReply::Verdict::answered);
      CHECK(Watch::change(then) == nullptr);
      if (Watch::find<action::FetchOne>(then) == nullptr) continue;
      CHECK(w.clock >= 60s);
      const Actions lost = w.reply(then, FetchReply::Verdict::unknown_task);
      REQUIRE(Watch::change(lost) != nullptr);
      CHECK(Watch::change(lost)->ending == Ending::lost);
      return;
    }
  }
  FAIL("never asked for alone");
}

TEST_CASE("at most max_calls_per_minute calls fall into any minute") {
  Settings settings = Watch::defaults();
  settings.gateways["g"].batch = 1;
  settings.gateways["g"].max_calls_per_minute = 30;
  Watch w(settings);
  for (int i = 0; i < 200; ++i) w.tell({event::Adopted{w.record("t" + std::to_string(i))}});
  std::vector<milliseconds> calls;
  while (w.clock < 10min) {
    const Actions out = w.at(std::max(w.clock, w.watcher.next_wakeup().time_since_epoch()));
    std::vector<Event> replies;
    for (const Action& one : out) {
      const auto* fetch = std::get_if<action::FetchBatch>(&one);
      if (fetch == nullptr) continue;
      calls.push_back(w.clock);
      FetchReply reply;
      reply.verdict = FetchReply::Verdict::answered;
      reply.tasks = {Watch::snapshot(fetch->ids.front(), Status::unknown)};
      reply.tasks.front().digest = 0;
      replies.emplace_back(event::BatchFetched{fetch->call, reply});
    }
    w.clock += 1ms;
    w.tell(replies);
  }
  REQUIRE(calls.size() > 200);
  for (std::size_t i = 30; i < calls.size(); ++i) CHECK(calls[i] - calls[i - 30] >= 60s);
}

TEST_CASE("what is read at the start is taken up before anything is asked") {
  Watch w;
  Actions out;
  std::vector<Event> page{event::Adopted{w.record("a")}, event::Adopted{w.record("b")}};
  w.clock = 10s;  // both are due by then
  w.watcher.adopt(page, w.now(), out);
  CHECK(out.empty());
  CHECK(w.watcher.live() == 2);
  const Actions first = w.at(12s);
  REQUIRE(Watch::find<action::FetchBatch>(first) != nullptr);
  CHECK(Watch::find<action::FetchBatch>(first)->ids.size() == 2);
}

TEST_CASE("no gateway is asked for more news while the disk is behind with what there is") {
  constexpr int kWaiting = 2'500;
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  std::vector<Event> flood;
  for (int i = 0; i < kWaiting; ++i) {
    Registration registration;
    registration.key = {"g", std::to_string(i)};
    flood.emplace_back(event::Registered{1, registration});
  }
  const Actions asked = w.tell(std::move(flood));
  CHECK(w.watcher.next_wakeup() > Time(12h));  // nothing to do but to wait for the disk
  CHECK(Watch::count<action::FetchBatch>(w.at(10s)) == 0);
  CommitResult result;
  result.code = CommitResult::Code::existing;
  const Actions on = w.tell({event::Persisted{Watch::find<action::Persist>(asked)->no, result}});
  CHECK(Watch::count<action::FetchBatch>(on) == 1);
}

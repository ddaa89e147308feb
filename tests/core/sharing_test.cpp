// Several daemons over one watch list, as one of them sees it.
#include "tests/core/watch.hpp"

using namespace mjwatchd;
using Verdict = FetchReply::Verdict;

namespace {

DeliveryRecord delivery(DeliveryNo no, TaskNo task) {
  DeliveryRecord record;
  record.no = no;
  record.task = task;
  record.sequence = static_cast<std::uint32_t>(no);
  record.type = EventType::succeeded;
  record.receiver = {"url:a", "origin:a"};
  return record;
}

Settings budget(std::uint32_t calls) {
  Settings settings = Watch::defaults();
  settings.gateways["g"].max_calls_per_minute = calls;
  settings.gateways["g"].batch = 1;
  settings.gateways["g"].max_in_flight = 1000;
  settings.gateways["g"].call_cost = 1ms;
  return settings;
}

std::size_t calls_within(Watch& w, milliseconds time) {
  const milliseconds end = w.clock + time;
  std::size_t count = 0;
  while (w.clock < end) {
    const auto call = w.call_within(end - w.clock);
    if (!call) break;
    ++count;
    w.answer(*call);
  }
  return count;
}

}  // namespace

TEST_CASE("a released task's deliveries go with it, also those of a task that has ended") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}, event::Released{{"g", "a"}, 5}, event::Released{{"g", "done"}, 6}});
  w.tell({event::DeliveryAdopted{delivery(1, 5)}, event::DeliveryAdopted{delivery(2, 6)},
          event::DeliveryAdopted{delivery(3, 7)}, event::Released{{"g", "a"}, 5}, event::Released{{"g", "done"}, 6}});
  CHECK(w.watcher.outbox().pending() == 1);
  w.tell({event::DeliveryReleased{3}});
  CHECK(w.watcher.outbox().pending() == 1);  // that was sent already
  SendResult fine;
  fine.http_status = 200;
  w.tell({event::Sent{3, fine}});
  CHECK(w.watcher.outbox().pending() == 0);
}

TEST_CASE("a change that was committed as its task left is told of, but its deliveries are another daemon's") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  const auto call = w.call();
  FetchReply reply;
  reply.verdict = Verdict::answered;
  reply.tasks = {Watch::snapshot("a", Status::failure)};
  const Actions seen = w.tell({event::BatchFetched{call.no, reply}});
  const auto* persist = Watch::find<action::Persist>(seen);
  REQUIRE(persist != nullptr);
  const event::Persisted late{persist->no, [] {
                                CommitResult result;
                                result.code = CommitResult::Code::done;
                                result.deliveries = {delivery(1, 5)};
                                result.events.emplace_back();
                                return result;
                              }()};
  SUBCASE("when it is held no more") {
    w.tell({event::Released{{"g", "a"}, 5}});
    const Actions told = w.tell({late});
    CHECK(Watch::find<action::Announce>(told) != nullptr);
    CHECK(Watch::find<action::Send>(told) == nullptr);
    CHECK_FALSE(w.watcher.holds({"g", "a"}));
  }
  SUBCASE("when it has come back") {
    w.tell({event::Released{{"g", "a"}, 5}, event::Adopted{w.record("a")}});
    const Actions told = w.tell({late});
    CHECK(Watch::find<action::Send>(told) == nullptr);
    CHECK(w.watcher.holds({"g", "a"}));
    CHECK(w.call().ids == std::vector<std::string>{"a"});
  }
  SUBCASE("while it is held they are ours") { CHECK(Watch::find<action::Send>(w.tell({late})) != nullptr); }
}

TEST_CASE("an answer about a task that left and came back says nothing of it") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  const auto old = w.call();
  w.tell({event::Released{{"g", "a"}, 5}, event::Adopted{w.record("a")}});
  const Actions nothing = w.reply(old, Verdict::answered, {Watch::snapshot("a", Status::success)});
  CHECK(Watch::change(nothing) == nullptr);
  const auto fresh = w.call();
  CHECK(fresh.ids == std::vector<std::string>{"a"});
  FetchReply reply;
  reply.verdict = Verdict::answered;
  reply.tasks = {Watch::snapshot("a", Status::success)};
  const Actions seen = w.tell({event::BatchFetched{fresh.no, reply}});
  REQUIRE(Watch::change(seen) != nullptr);
  CHECK(Watch::change(seen)->phase == Phase::saving);
}

TEST_CASE("the pictures of a task that left and came back are saved once more, when the first save has ended") {
  Watch w;
  TaskRecord saving = w.record("a");
  saving.phase = Phase::saving;
  saving.status = Status::success;
  saving.success_at = w.now().wall;
  REQUIRE(Watch::find<action::SaveImage>(w.tell({event::Adopted{saving}})) != nullptr);
  w.tell({event::Released{{"g", "a"}, 5}});
  const Actions back = w.tell({event::Adopted{saving}});
  CHECK(Watch::find<action::SaveImage>(back) == nullptr);
  const Actions old = w.tell({event::ImageSaved{{"g", "a"}, SaveVerdict::gone, {}}});
  CHECK(Watch::change(old) == nullptr);  // that one's end is not this one's
  CHECK(Watch::find<action::SaveImage>(old) != nullptr);
}

TEST_CASE("what was replayed to a disabled receiver is held, however often one hears that it is disabled") {
  Watch w;
  DeliveryRecord replayed = delivery(1, 5);
  const event::ReceiverAdopted disabled{"url:a", true};
  const Actions held = w.tell({disabled, event::DeliveryAdopted{replayed}, disabled});
  const auto* persist = Watch::find<action::Persist>(held);
  REQUIRE(persist != nullptr);
  REQUIRE(std::holds_alternative<change::Delivery>(persist->change));
  CHECK(std::get<change::Delivery>(persist->change).state == DeliveryState::held);
  w.commit(held);
  CHECK(w.watcher.outbox().pending() == 0);
  const Actions sent = w.tell({event::ReceiverAdopted{"url:a", false}, event::DeliveryAdopted{replayed}});
  CHECK(Watch::find<action::Send>(sent) != nullptr);
}

TEST_CASE(
    "what is held for an endpoint that is not configured is freed when it is back, whatever one heard meanwhile") {
  Watch w;
  DeliveryRecord held = delivery(1, 5);
  held.receiver = {"app", "app"};
  held.state = DeliveryState::held;
  // After the database was away one is told of every receiver how it stands.
  w.tell({event::DeliveryAdopted{held}, event::ReceiverAdopted{"app", false}});
  Settings settings = Watch::defaults();
  settings.webhooks.endpoints["app"] = {};
  Actions freed;
  w.watcher.reconfigure(settings, w.now(), freed);
  const auto* persist = Watch::find<action::Persist>(freed);
  REQUIRE(persist != nullptr);
  REQUIRE(std::holds_alternative<change::Receiver>(persist->change));
  CHECK(std::get<change::Receiver>(persist->change).name == "app");
  CHECK_FALSE(std::get<change::Receiver>(persist->change).disabled);
}

TEST_CASE("three daemons make together as many calls as one may") {
  for (const std::uint32_t limit : {2U, 30U, 100U, 600U}) {
    CAPTURE(limit);
    std::size_t together = 0, alone = 0;
    {
      Watch w(budget(limit));
      for (int i = 0; i < 900; ++i) w.tell({event::Adopted{w.record("t" + std::to_string(i))}});
      alone = calls_within(w, 12min);
    }
    for (int daemon = 0; daemon < 3; ++daemon) {
      Watch w(budget(limit));
      w.tell({event::Shared{3}});
      for (int i = 0; i < 300; ++i) w.tell({event::Adopted{w.record("t" + std::to_string(i))}});
      together += calls_within(w, 12min);
    }
    CHECK(together <= limit * 12 + 3);
    CHECK(together + 36 + 3 >= alone);  // rounding costs each daemon less than a call a minute
  }
}

TEST_CASE("a newcomer calls nobody until the others count on it, and has saved nothing up then") {
  Watch w(budget(600));
  w.tell({event::Shared{0}});
  for (int i = 0; i < 50; ++i) w.tell({event::Adopted{w.record("t" + std::to_string(i))}});
  CHECK_FALSE(w.call_within(15s));
  Settings settings = budget(600);
  settings.gateways["new"] = settings.gateways["g"];
  Actions out;
  w.watcher.reconfigure(settings, w.now(), out);  // a reload changes nothing of that
  CHECK(out.empty());
  CHECK_FALSE(w.call_within(15s));
  const milliseconds counted = w.clock;
  w.tell({event::Shared{2}});
  CHECK(w.call().left > counted);
  CHECK(calls_within(w, 59s) <= 300);
}

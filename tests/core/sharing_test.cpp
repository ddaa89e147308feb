// Several daemons over one watch list, as one of them sees it.
#include "daemon/core/schedule_lessons.hpp"
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

/// A task is registered, asked for and has succeeded. Answers what came of it.
void succeed(Watch& w, const std::string& id) {
  TaskRecord record = w.record(id);
  record.action = "IMAGINE";
  w.tell({event::Adopted{record}});
  const auto call = w.call();
  w.reply(call, Verdict::answered, {Watch::snapshot(call.ids.front(), Status::success)});
}

event::Persisted answer(ChangeNo no, CommitResult::Code code, const std::string& known = {}) {
  CommitResult result;
  result.code = code;
  result.learned = known;
  return {no, result};
}

using Given = std::pair<ChangeNo, change::Learned>;

/// The lessons among the actions; what else is to be written is committed, and every call finds its tasks unchanged.
std::optional<Given> given(Watch& w, const Actions& actions) {
  std::vector<Event> events;
  for (const Action& one : actions) {
    const auto* asked = std::get_if<action::Persist>(&one);
    if (asked == nullptr) continue;
    if (const auto* learned = std::get_if<change::Learned>(&asked->change)) return Given(asked->no, *learned);
    events.emplace_back(answer(asked->no, CommitResult::Code::done));
  }
  for (; !w.calls.empty(); w.calls.pop_front()) {
    FetchReply reply;
    reply.verdict = Verdict::answered;
    for (const std::string& id : w.calls.front().ids) reply.tasks.push_back(Watch::snapshot(id, Status::in_progress));
    events.emplace_back(event::BatchFetched{w.calls.front().no, reply});
  }
  return events.empty() ? std::nullopt : given(w, w.tell(std::move(events)));
}

/// Lets time pass until lessons are given to the other daemons, at most two minutes.
std::optional<Given> lessons(Watch& w) {
  const milliseconds end = w.clock + 2min;
  while (w.watcher.next_wakeup() <= Time(end)) {
    if (auto found = given(w, w.at(std::max(w.clock, w.watcher.next_wakeup().time_since_epoch())))) return found;
  }
  return std::nullopt;
}

std::uint32_t ends_in(const std::string& learned) {
  const auto book = read_lessons(learned);
  return book && !book->empty() ? book->front().second.ended : 0;
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

TEST_CASE("lessons are given to the others within a minute, though nothing else is to be done, and once") {
  Watch w;
  w.tell({event::Shared{2}});
  for (int i = 0; i < 3; ++i) succeed(w, "t" + std::to_string(i));
  const milliseconds taught = w.clock;
  const auto first = lessons(w);
  REQUIRE(first);
  CHECK(w.clock <= taught + 1min);
  CHECK(first->second.lessons);
  CHECK(ends_in(first->second.state) == 3);
  w.tell({answer(first->first, CommitResult::Code::done, first->second.state)});
  CHECK_FALSE(lessons(w));  // no tasks, no news
  succeed(w, "t3");
  const auto second = lessons(w);
  REQUIRE(second);
  CHECK(ends_in(second->second.state) == 1);
}

TEST_CASE("lessons that could not be written go with the next, also through a reload") {
  Watch w;
  w.tell({event::Shared{2}});
  succeed(w, "a");
  const auto failed = lessons(w);
  REQUIRE(failed);
  succeed(w, "b");
  CHECK_FALSE(lessons(w));  // one at a time
  Settings settings = Watch::defaults();
  settings.gateways["g"].call_cost = 20s;
  Actions out;
  w.watcher.reconfigure(settings, w.now(), out);
  succeed(w, "c");
  w.tell({answer(failed->first, CommitResult::Code::failed)});
  const auto again = lessons(w);
  REQUIRE(again);
  CHECK(ends_in(again->second.state) == 3);
}

TEST_CASE("what all have learned is believed, with what was learned here since") {
  Watch teacher;
  teacher.tell({event::Shared{2}});
  for (int i = 0; i < 40; ++i) succeed(teacher, "t" + std::to_string(i));
  const auto taught = lessons(teacher);
  REQUIRE(taught);

  Watch w;
  w.tell({event::Shared{2}, event::Adopted{w.record("goes on")}});
  const auto asked = lessons(w);  // it has learned nothing, and tasks to ask for
  REQUIRE(asked);
  CHECK(asked->second.state.empty());
  CHECK(w.view().beliefs.empty());
  w.tell({answer(asked->first, CommitResult::Code::done, taught->second.state)});
  REQUIRE(w.view().beliefs.size() == 1);
  CHECK(w.view().beliefs.front().median_s == doctest::Approx(teacher.view().beliefs.front().median_s).epsilon(0.01));
}

TEST_CASE("one that is told to stop gives its lessons first, and asks for none") {
  Watch w;
  w.tell({event::Shared{2}});
  succeed(w, "a");
  w.watcher.stop();
  const Actions out = w.tell({event::Tick{}});
  const auto* persist = Watch::find<action::Persist>(out);
  REQUIRE(persist != nullptr);
  CHECK(std::get<change::Learned>(persist->change).lessons);
  CHECK(Watch::find<action::Persist>(w.tell({answer(persist->no, CommitResult::Code::failed)})) == nullptr);

  Watch curious;
  curious.tell({event::Shared{2}, event::Adopted{curious.record("goes on")}});
  curious.watcher.stop();
  CHECK(Watch::find<action::Persist>(curious.tell({event::Tick{}})) == nullptr);
}

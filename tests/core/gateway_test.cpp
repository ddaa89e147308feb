// How gateways' failures are met: refusals, throttling, poison, missing batches, breakage.
#include <set>

#include "tests/core/watch.hpp"

using namespace mjwatchd;
using Verdict = FetchReply::Verdict;

namespace {

/// A watcher of so many tasks, t0, t1, …, with calls enough.
struct Many : Watch {
  explicit Many(int tasks, Settings settings = plenty()) : Watch(std::move(settings)) {
    std::vector<Event> events;
    for (int i = 0; i < tasks; ++i) events.emplace_back(event::Adopted{record("t" + std::to_string(i))});
    tell(std::move(events));
  }
  static Settings plenty() {
    Settings settings = defaults();
    settings.gateways["g"].max_calls_per_minute = 6000;
    return settings;
  }
};

bool has(const Watch::Call& call, const std::string& id) {
  return std::find(call.ids.begin(), call.ids.end(), id) != call.ids.end();
}

std::size_t warnings(const Actions& actions, const std::string& word) {
  std::size_t found = 0;
  for (const Action& one : actions) {
    const auto* warn = std::get_if<action::Warn>(&one);
    if (warn != nullptr && warn->gateway == "g" && warn->text.find(word) != std::string::npos) ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("a refused token stops the calls but for a probe of one id after 5 s, doubling to 60 s") {
  Many w(30);
  auto call = w.call();
  CHECK(call.ids.size() == 30);
  CHECK(warnings(w.reply(call, Verdict::refused), "refuses our token") == 1);
  for (const milliseconds wait : {5s, 10s, 20s, 40s, 60s, 60s}) {
    CHECK(w.view().state == "refused");
    const milliseconds before = w.clock;
    call = w.call();
    CHECK(call.left - before == wait);
    CHECK(call.ids.size() == 1);
    CHECK_FALSE(w.call_within(20s));                                   // one probe at a time
    CHECK(warnings(w.reply(call, Verdict::refused), "refuses") == 0);  // said once
  }
  CHECK(w.watcher.live() == 30);

  SUBCASE("and one good answer opens the gateway at once for all") {
    w.answer(w.call());
    CHECK(w.view().state == "up");
    call = w.call();
    CHECK(call.left == w.clock);
    CHECK(call.ids.size() == 29);
  }
}

TEST_CASE("a gateway that wants to be left alone is, for as long as it says, at most an hour") {
  Many w(3);
  const auto pause_after = [&w](std::optional<milliseconds> hint) {
    FetchReply throttled;
    throttled.verdict = Verdict::throttled;
    throttled.retry_after = hint;
    const auto call = w.call();
    w.reply(call, throttled);
    CHECK(w.view().state == "throttled");
    return w.watcher.next_wakeup() - Time(w.clock);
  };
  SUBCASE("with a hint") {
    CHECK(pause_after(17s) == 17s);
    CHECK(pause_after(48h) == 1h);
    CHECK(pause_after(0s) == 1s);  // said by some all the time
  }
  SUBCASE("without one from 1 s on, doubling to 60 s, and anew after an answer") {
    for (const milliseconds wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) CHECK(pause_after(std::nullopt) == wait);
    w.answer(w.call());
    CHECK(pause_after(std::nullopt) == 1s);
  }
}

TEST_CASE("a refused batch is halved until the poison id stands alone, and that is fetched singly") {
  Many w(64);
  std::set<std::string> seen;
  std::vector<std::string> alone;
  int refused = 0;
  while (seen.size() < 64 && w.clock < 1min) {
    const auto call = w.call();
    if (call.batch && has(call, "t37")) {
      ++refused;
      w.reply(call, Verdict::rejected);
      continue;
    }
    if (!call.batch) alone.push_back(call.ids.front());
    seen.insert(call.ids.begin(), call.ids.end());
    w.answer(call);
  }
  CHECK(seen.size() == 64);
  CHECK(alone == std::vector<std::string>{"t37"});
  CHECK(refused == 7);  // 64, 32, 16, 8, 4, 2, 1
}

TEST_CASE("a poison id stays out of batches for half an hour, and is then tried in one again") {
  Many w(2);
  std::optional<milliseconds> found, again;
  while (w.clock < 40min) {
    const auto call = w.call();
    if (call.batch && has(call, "t1")) {
      if (call.ids.size() == 1 && !found) found = call.left;
      if (found && call.left > *found && !again) again = call.left;
      w.reply(call, Verdict::rejected);
    } else {
      w.answer(call);
    }
  }
  REQUIRE(found);
  CHECK(*found < 3s);
  REQUIRE(again);
  CHECK(*again - *found >= 30min);
  CHECK(*again - *found <= 32min);
}

TEST_CASE("HTTP 500 blames a task only while the gateway answers other batches") {
  Many w(40);
  SUBCASE("never answered: the breaker, and all asked for again together") {
    for (int i = 0; i < 5; ++i) {
      const auto call = w.call();
      CHECK(call.ids.size() == 40);
      w.reply(call, Verdict::failed);
    }
    CHECK(w.view().state == "open");
  }
  SUBCASE("answered lately: halved, and the one that breaks it is fetched singly") {
    w.answer(w.call());
    bool singly = false;
    while (!singly && w.clock < 1min) {
      const auto call = w.call();
      singly = !call.batch;
      if (singly) CHECK(call.ids.front() == "t5");
      if (call.batch && has(call, "t5")) {
        w.reply(call, Verdict::failed);
      } else {
        w.answer(call);
      }
    }
    CHECK(singly);
    CHECK(w.view().state == "up");
  }
  SUBCASE("every batch fails from now on: it is not the tasks, and none is fetched singly") {
    w.answer(w.call());
    int calls = 0;
    while (w.view().state == "up" && ++calls < 50) {
      const auto call = w.call();
      CHECK(call.batch);
      w.reply(call, Verdict::failed);
    }
    CHECK(w.view().state == "open");
  }
}

TEST_CASE("a task that breaks every reply is found though nothing was ever answered") {
  for (const Verdict breakage : {Verdict::failed, Verdict::nonsense}) {
    for (const std::string poison : {"t0", "t17"}) {
      CAPTURE(poison);
      Many w(26);
      std::set<std::string> seen;
      while (seen.size() < 26 && w.clock < 5min) {
        const auto call = w.call();
        if (call.batch && has(call, poison)) {
          w.reply(call, breakage);
        } else {
          seen.insert(call.ids.begin(), call.ids.end());
          w.answer(call);
        }
      }
      CHECK(seen.size() == 26);
    }
  }
}

TEST_CASE("a gateway without batches is asked singly, and for a batch again ten minutes later") {
  Many w(3);
  w.reply(w.call(), Verdict::unsupported);
  CHECK_FALSE(w.view().batches);
  const milliseconds since = w.clock;
  std::set<std::string> singly;
  auto call = w.call();
  for (; !call.batch; call = w.call()) {
    singly.insert(call.ids.begin(), call.ids.end());
    w.answer(call);
  }
  CHECK(singly.size() == 3);
  CHECK(call.left - since >= 10min);
  CHECK(call.left - since <= 11min);
  w.answer(call);
  CHECK(w.view().batches);
  CHECK(w.call().batch);
}

TEST_CASE("replies without sense change no task, feed the breaker, and are said once in ten minutes") {
  Many w(2);
  std::size_t said = 0;
  for (int i = 0; i < 6; ++i) {
    FetchReply nonsense;
    nonsense.verdict = Verdict::nonsense;
    nonsense.detail = "HTML";
    const auto call = w.call();
    const Actions out = w.tell({event::BatchFetched{call.no, nonsense}});
    CHECK(Watch::change(out) == nullptr);
    said += warnings(out, "understood");
  }
  CHECK(said == 1);
  CHECK(w.view().state == "open");
  CHECK(w.view().last_error == "HTML");
  CHECK(w.view().failed_calls == 6);
  CHECK(w.watcher.live() == 2);
}

TEST_CASE("the breaker opens at five failures in a row, from 1 s doubling to 60 s, with one probe") {
  Many w(4);
  for (int i = 0; i < 4; ++i) w.reply(w.call(), Verdict::unavailable);
  CHECK(w.view().state == "up");
  w.reply(w.call(), Verdict::unavailable);
  for (const milliseconds wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    CHECK(w.view().state == "open");
    const milliseconds before = w.clock;
    const auto probe = w.call();
    CHECK(probe.left - before == wait);
    CHECK(w.view().state == "probing");
    CHECK_FALSE(w.call_within(20s));
    w.reply(probe, Verdict::unavailable);
  }
  w.answer(w.call());
  CHECK(w.view().state == "up");
}

TEST_CASE("foreign ids, ids told twice and an empty reply to a batch harm nobody") {
  Many w(1);
  const auto seen = Watch::snapshot("t0", Status::in_progress);
  const auto call = w.call();
  FetchReply reply;
  reply.verdict = Verdict::answered;
  reply.tasks = {seen, seen, Watch::snapshot("stranger", Status::success)};
  const Actions told = w.tell({event::BatchFetched{call.no, reply}});
  CHECK(Watch::count<action::Persist>(told) == 1);
  w.commit_all(told);
  CHECK(w.watcher.live() == 1);
  w.reply(w.call(), Verdict::unknown_task);
  const milliseconds before = w.clock;
  CHECK(w.call().left > before);  // not asked again in a hurry
  CHECK(w.watcher.live() == 1);
  // A reply to a call nobody made, or answered twice.
  CHECK(w.tell({event::BatchFetched{call.no, reply}, event::BatchFetched{9999, reply}}).empty());
}

TEST_CASE("max_in_flight calls at a time, however much is due") {
  Settings settings = Many::plenty();
  settings.gateways["g"].batch = 1;
  settings.gateways["g"].max_in_flight = 3;
  Many w(50, settings);
  std::vector<Watch::Call> calls{w.call(), w.call(), w.call()};
  CHECK_FALSE(w.call_within(1min));
  CHECK(w.view().in_flight == 3);
  w.answer(calls[1]);
  CHECK(w.call_within(0ms));
  CHECK_FALSE(w.call_within(1min));
}

TEST_CASE("a batch that is refused after its gateway left the configuration is asked for again when that is back") {
  Many w(3);
  const auto call = w.call();
  CHECK(call.ids.size() == 3);
  Settings without = Many::plenty();
  without.gateways.clear();
  Actions out;
  w.watcher.reconfigure(without, w.now(), out);
  w.reply(call, Verdict::rejected);
  CHECK_FALSE(w.call_within(1h));
  CHECK(w.watcher.live() == 3);
  w.watcher.reconfigure(Many::plenty(), w.now(), out);
  CHECK(w.call().ids.size() == 3);
}

TEST_CASE("since when the task that waits longest was not asked for is told of each gateway that has one") {
  Watch w;
  CHECK(w.watcher.longest_unasked().empty());
  w.at(10s);
  w.tell({event::Adopted{w.record("early")}});
  w.at(11s);
  w.tell({event::Adopted{w.record("late")}});
  CHECK(w.watcher.longest_unasked().at("g") == Time(10s));
  const auto call = w.call();
  REQUIRE(call.ids.size() == 2);
  w.answer(call);
  const Time seen(w.clock);
  w.at(w.clock + 1s);
  w.tell({event::Adopted{w.record("later")}});
  CHECK(w.watcher.longest_unasked().at("g") == seen);
}

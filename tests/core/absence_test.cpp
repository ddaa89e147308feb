// Tasks that a gateway no longer shows: one that is lost, and a gateway that lost its memory.
#include <set>

#include "tests/core/watch.hpp"

using namespace mjwatchd;
using Verdict = FetchReply::Verdict;

namespace {

/// A watcher whose gateway shows what is in `known`; a disk that commits at once.
struct World : Watch {
  explicit World(int tasks, std::size_t batch = 100) : World(tasks, with(batch)) {}
  World(int tasks, const Settings& settings) : Watch(settings) {
    std::vector<Event> events;
    for (int i = 0; i < tasks; ++i) {
      events.emplace_back(event::Adopted{record("t" + std::to_string(i))});
      known.insert("t" + std::to_string(i));
    }
    tell(std::move(events));
  }
  static Settings with(std::size_t batch) {
    Settings settings = defaults();
    settings.gateways["g"].max_calls_per_minute = 100'000;
    settings.gateways["g"].batch = batch;
    return settings;
  }
  void serve(const Call& call) {
    clock += takes;
    std::vector<Snapshot> seen;
    for (const std::string& id : call.ids) {
      if (known.contains(id)) seen.push_back(snapshot(id, Status::in_progress));
    }
    const bool unknown = !call.batch && seen.empty();
    note(tell({event::BatchFetched{
        call.no, {unknown ? Verdict::unknown_task : Verdict::answered, std::move(seen), {}, {}, 200, {}}}}));
  }
  void note(const Actions& out) {
    for (const Action& one : out) {
      if (std::holds_alternative<action::Warn>(one)) ++warnings;
      const auto* asked = std::get_if<action::Persist>(&one);
      const auto* task = asked == nullptr ? nullptr : std::get_if<change::Task>(&asked->change);
      if (task != nullptr && task->ending == Ending::lost) {
        CHECK(task->events == std::vector{EventType::lost});
        lost.emplace(task->key.id, clock);
      }
    }
    commit_all(out);
  }
  void run_until(milliseconds end) {
    while (clock < end) {
      const auto next = call_within(end - clock);
      if (next) serve(*next);
    }
  }

  std::set<std::string> known;
  milliseconds takes{0};  ///< the gateway, for a reply
  std::map<std::string, milliseconds> lost;
  int warnings = 0;
};

}  // namespace

TEST_CASE("a task that vanishes is lost after the grace, and only when a single fetch confirms it") {
  World w(3);
  w.run_until(10s);
  w.known.erase("t1");
  bool singly = false;
  while (w.lost.empty() && w.clock < 5min) {
    const auto call = w.call();
    if (!call.batch) {
      singly = true;
      CHECK(call.ids.front() == "t1");
      CHECK(w.clock >= 70s);
    }
    w.serve(call);
  }
  CHECK(singly);
  REQUIRE(w.lost.contains("t1"));
  CHECK(w.lost["t1"] <= 90s);
  CHECK_FALSE(w.watcher.holds({"g", "t1"}));
  CHECK(w.watcher.live() == 2);
}

TEST_CASE("one sighting resets the absence") {
  World w(1);
  w.run_until(10s);
  for (int i = 0; i < 5; ++i) {
    w.known.erase("t0");
    w.run_until(w.clock + 50s);
    w.known.insert("t0");
    w.run_until(w.clock + 61s);
  }
  CHECK(w.lost.empty());
}

TEST_CASE("a single fetch that fails or shows the task confirms nothing") {
  World w(1);
  w.run_until(10s);
  w.known.erase("t0");
  auto call = w.call();
  for (; call.batch; call = w.call()) w.serve(call);
  const milliseconds before = w.clock;
  SUBCASE("fails") { w.reply(call, Verdict::unavailable); }
  SUBCASE("refuses the id") { w.reply(call, Verdict::rejected); }
  SUBCASE("shows another task") { w.reply(call, Verdict::answered, {Watch::snapshot("stranger", Status::success)}); }
  SUBCASE("shows it") {
    w.known.insert("t0");
    w.serve(call);
  }
  w.run_until(before + 1s);
  CHECK(w.lost.empty());
  CHECK(w.watcher.holds({"g", "t0"}));
}

TEST_CASE("a gateway that never showed anything confirms no absence") {
  World w(0, 1);
  w.tell({event::Adopted{w.record("a")}});
  w.reply(w.call(), Verdict::unsupported);
  while (w.clock < 20min) w.reply(w.call(), Verdict::unknown_task);
  CHECK(w.watcher.holds({"g", "a"}));
}

namespace {

/// Batches in which a loss of memory is plain to see, small ones, and single fetches.
constexpr std::size_t kBatches[] = {100, 4, 1};

}  // namespace

TEST_CASE("no task is lost when the gateway lost its memory, and when it remembers, all goes on") {
  for (const std::size_t batch : kBatches) {
    CAPTURE(batch);
    World w(60, batch);
    w.run_until(30s);
    CHECK(w.warnings == 0);
    w.known = {"t0", "t1"};
    w.run_until(25min);
    CHECK(w.warnings == 1);
    for (int i = 0; i < 60; ++i) w.known.insert("t" + std::to_string(i));
    w.run_until(60min);
    CHECK(w.lost.empty());
    CHECK(w.watcher.live() == 60);
  }
}

TEST_CASE("a slow gateway's loss of memory is noticed by the task that vanished last, too") {
  Settings settings = World::with(5);
  settings.watch.max_gap = 5s;
  settings.watch.missing_grace = 3min;
  World w(60, settings);
  w.takes = 12s;  // so that a round through all of them takes longer than max_gap
  w.run_until(5min);
  w.known.clear();
  std::set<std::string> missed;
  std::string last;
  while (missed.size() < 60) {
    const auto call = w.call();
    for (const std::string& id : call.ids) {
      if (missed.insert(id).second) last = id;
    }
    w.serve(call);
  }
  const milliseconds outage = w.clock + 5min;  // after which each has been missing for longer than the grace
  while (w.clock < outage) w.reply(w.call(), Verdict::unavailable);
  w.tell({event::RefreshAsked{{"g", last}, {}}});
  w.run_until(outage + 15min);
  CHECK(w.lost.empty());
  CHECK(w.warnings > 0);
}

TEST_CASE("a new task is not lost before it is known what became of the others") {
  Settings settings = World::with(1);
  settings.gateways["g"].max_in_flight = 100;
  World w(60, settings);
  w.run_until(30s);
  w.known.clear();
  w.tell({event::Adopted{w.record("new")}});
  int confirmed = 0;
  std::optional<milliseconds> missing;
  while (confirmed < 2 && w.lost.empty()) {
    const auto call = w.call();
    if (call.ids.front() != "new") continue;  // replies about the others take for ever
    if (!missing) missing = w.clock;
    if (w.clock - *missing > 60s) ++confirmed;
    w.serve(call);
  }
  CHECK(w.lost.empty());
}

TEST_CASE("thirty minutes after a gateway lost its memory, those it still does not know are lost") {
  for (const std::size_t batch : kBatches) {
    CAPTURE(batch);
    World w(60, batch);
    w.run_until(30s);
    w.known = {"t0", "t1"};
    w.run_until(45min);
    CHECK(w.lost.size() == 58);
    for (const auto& [id, when] : w.lost) CHECK(when >= 30min);
    CHECK(w.warnings == 1);
    CHECK(w.watcher.live() == 2);
  }
}

TEST_CASE("a few tasks among many that vanish are lost, though they vanish together") {
  for (const std::size_t batch : {std::size_t{100}, std::size_t{1}}) {
    CAPTURE(batch);
    World w(60, batch);
    w.run_until(30s);
    for (int i = 0; i < 25; ++i) w.known.erase("t" + std::to_string(i));
    w.run_until(10min);
    CHECK(w.lost.size() == 25);
    CHECK(w.warnings == 0);
  }
}

TEST_CASE("nineteen tasks are too few to tell a gateway's memory from its tasks") {
  World w(19);
  w.run_until(30s);
  w.known.clear();
  w.run_until(5min);
  CHECK(w.lost.size() == 19);
}

TEST_CASE("an absent task is asked for within max_gap, however long the grace and slow the gateway") {
  Settings settings = World::with(100);
  settings.watch.missing_grace = 10min;
  settings.watch.max_gap = 20s;
  Watch w(settings);
  w.tell({event::Adopted{w.record("a")}});
  milliseconds last = 0ms;
  while (w.clock < 9min) {
    const auto call = w.call();
    CHECK(call.left - last <= 20s);
    last = call.left;
    w.clock += 3s;
    w.reply(call, Verdict::answered);
  }
}

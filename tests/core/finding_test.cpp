// What a look at a task means.
#include "daemon/core/finding.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

const WatchSettings kWatch{};

Now at(milliseconds when) { return {Time(when), WallTime(1'700'000'000s) + when}; }

Task task(Status status, std::optional<std::uint8_t> progress = {}, milliseconds changed = 0ms) {
  Task known;
  known.id = CompactId("a");
  known.status = status;
  known.progress = progress;
  known.changed = Time(changed);
  known.digest = 7;
  known.said_started = status == Status::in_progress;
  return known;
}

Snapshot seen(Status status, std::optional<std::uint8_t> progress = {}, std::uint64_t digest = 7) {
  Snapshot snapshot;
  snapshot.id = "a";
  snapshot.status = status;
  snapshot.progress = progress;
  snapshot.digest = digest;
  return snapshot;
}

std::optional<change::Task> find(const Task& known, Snapshot snapshot, milliseconds when = 10s) {
  std::optional<change::Task> change(std::in_place);
  if (!find_change(known, std::move(snapshot), kWatch, at(when), *change)) change.reset();
  return change;
}

std::vector<EventType> events(const std::optional<change::Task>& change) {
  REQUIRE(change);
  return change->events;
}

}  // namespace

TEST_CASE("a reply that says the same, or less, is no change") {
  CHECK_FALSE(find(task(Status::in_progress, std::uint8_t{40}), seen(Status::in_progress, std::uint8_t{40})));
  CHECK_FALSE(find(task(Status::in_progress, std::uint8_t{40}), seen(Status::in_progress)));
  CHECK_FALSE(find(task(Status::in_progress, std::uint8_t{40}), seen(Status::unknown)));
}

TEST_CASE("a new digest is committed, without an event if status and progress are as before") {
  const auto change = find(task(Status::in_progress), seen(Status::in_progress, {}, 8));
  CHECK(events(change).empty());
  CHECK(change->snapshot);
  CHECK(change->phase == Phase::watching);
}

TEST_CASE("what waits for the disk is the task's object, not the whole reply that it came in") {
  Snapshot snapshot = seen(Status::in_progress, {}, 8);
  auto reply = std::make_shared<const std::string>(R"([{"id":"a"},{"id":"b"}])");
  snapshot.json = SharedText(reply, std::string_view(*reply).substr(1, 10));
  const auto change = find(task(Status::in_progress), snapshot);
  snapshot = {};
  REQUIRE(change);
  CHECK(*change->snapshot->json == R"({"id":"a"})");
  CHECK(reply.use_count() == 1);
}

TEST_CASE("started is said at the first sight of IN_PROGRESS, progress at each step") {
  using E = EventType;
  CHECK(events(find(task(Status::submitted), seen(Status::in_progress, std::uint8_t{0}))) ==
        std::vector{E::started, E::progress});
  CHECK(events(find(task(Status::in_progress, std::uint8_t{0}), seen(Status::in_progress, std::uint8_t{31}))) ==
        std::vector{E::progress});
  Task back = task(Status::submitted);
  back.said_started = true;
  CHECK(events(find(back, seen(Status::in_progress))).empty());
}

TEST_CASE("a task at 100 % with a running status runs") {
  const auto change = find(task(Status::in_progress), seen(Status::in_progress, std::uint8_t{100}));
  CHECK(change->phase == Phase::watching);
  CHECK(change->ending == Ending::none);
}

TEST_CASE("modal is said at each entry, and never stalls") {
  CHECK(events(find(task(Status::submitted), seen(Status::modal))) == std::vector{EventType::modal});
  CHECK_FALSE(find(task(Status::modal), seen(Status::modal), 24h));
  CHECK_FALSE(find(task(Status::modal), seen(Status::unknown), 24h));
  CHECK(events(find(task(Status::modal), seen(Status::in_progress))) == std::vector{EventType::started});
  CHECK(events(find(task(Status::in_progress), seen(Status::modal))) == std::vector{EventType::modal});
}

TEST_CASE("stalled is said once, ten minutes after the last change, and anew after another") {
  CHECK_FALSE(find(task(Status::in_progress), seen(Status::in_progress), 10min - 1ms));
  const auto change = find(task(Status::in_progress), seen(Status::in_progress), 10min);
  CHECK(events(change) == std::vector{EventType::stalled});
  CHECK(change->stalled);
  CHECK_FALSE(change->snapshot);
  Task stalled = task(Status::in_progress);
  stalled.stalled = true;
  CHECK_FALSE(find(stalled, seen(Status::in_progress), 20min));
  SUBCASE("what changes beside status and progress leaves it stalled") {
    const auto other = find(stalled, seen(Status::in_progress, {}, 8), 20min);
    CHECK(events(other).empty());
    CHECK(other->stalled);
  }
  SUBCASE("a step ends it") {
    const auto step = find(stalled, seen(Status::in_progress, std::uint8_t{5}, 8), 20min);
    CHECK(events(step) == std::vector{EventType::progress});
    CHECK_FALSE(step->stalled);
  }
}

TEST_CASE("success goes by way of its pictures, unless none is wanted") {
  Task known = task(Status::in_progress);
  auto change = find(known, seen(Status::success));
  CHECK(change->phase == Phase::saving);
  CHECK(change->ending == Ending::none);
  CHECK(events(change).empty());
  known.save = SaveMode::none;
  change = find(known, seen(Status::success));
  CHECK(change->phase == Phase::done);
  CHECK(change->ending == Ending::succeeded);
  CHECK(events(change) == std::vector{EventType::succeeded});
  known.seed = true;  // that is waited for as pictures are
  CHECK(find(known, seen(Status::success))->phase == Phase::saving);
}

TEST_CASE("failure and cancel end a task at once, and save nothing") {
  const auto failed = find(task(Status::in_progress), seen(Status::failure));
  CHECK(failed->phase == Phase::done);
  CHECK(failed->ending == Ending::failed);
  CHECK(events(failed) == std::vector{EventType::failed});
  const auto cancelled = find(task(Status::modal), seen(Status::cancel));
  CHECK(cancelled->ending == Ending::cancelled);
  CHECK(events(cancelled) == std::vector{EventType::cancelled});
}

TEST_CASE("an end that comes with the last change unsaid is told as the end alone") {
  Task known = task(Status::submitted);
  known.stalled = true;
  const auto change = find(known, seen(Status::failure, std::uint8_t{50}, 9), 1h);
  CHECK(events(change) == std::vector{EventType::failed});
  CHECK_FALSE(change->stalled);
}

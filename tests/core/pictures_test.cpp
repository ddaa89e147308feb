// From SUCCESS to its announcement: what becomes of a task's pictures.
#include "tests/core/watch.hpp"

using namespace mjwatchd;
using Verdict = FetchReply::Verdict;

namespace {

/// A watcher of one task that has just ended with SUCCESS; what the store answers to that can be set.
struct Ended : Watch {
  explicit Ended(Settings settings = defaults(), std::optional<milliseconds> links = {}) : Watch(std::move(settings)) {
    tell({event::Adopted{record("a")}});
    const auto first = call();
    FetchReply reply;
    reply.verdict = Verdict::answered;
    reply.tasks = {snapshot("a", Status::success, std::uint8_t{100})};
    const Actions found = tell({event::BatchFetched{first.no, reply}});
    const auto* asked = find<action::Persist>(found);
    REQUIRE(asked != nullptr);
    CommitResult result;
    result.code = CommitResult::Code::done;
    result.task = record("a");
    result.task->phase = Phase::saving;
    result.task->status = Status::success;
    result.task->success_at = now().wall;
    if (links) result.task->link_expires_at = now().wall + *links;
    success = clock;
    said = tell({event::Persisted{asked->no, result}});
  }
  Actions saved(SaveVerdict verdict, ImageResult result = {}) {
    return tell({event::ImageSaved{{"g", "a"}, verdict, std::move(result)}});
  }
  /// Lets time pass until a save is asked for; nothing when none is within `limit`.
  std::optional<action::SaveImage> next_save(milliseconds limit = 2h) {
    const milliseconds end = clock + limit;
    while (watcher.next_wakeup() <= Time(end)) {
      const Actions out = at(std::max(clock, watcher.next_wakeup().time_since_epoch()));
      if (const auto* save = find<action::SaveImage>(out)) return *save;
      if (const auto* task = change(out)) changes.push_back(*task);
      commit_all(out);
    }
    clock = end;
    return std::nullopt;
  }

  milliseconds success{};
  Actions said;
  std::vector<change::Task> changes;
};

ImageResult picture() {
  ImageResult result;
  result.images.emplace_back();
  result.images.back().path = "/p.png";
  return result;
}

ImageResult failure(const std::string& why) {
  ImageResult result;
  result.error = why;
  return result;
}

}  // namespace

TEST_CASE("the links' expiry, which the commit of SUCCESS tells, bounds the save") {
  Ended soon(Watch::defaults(), 90s);
  REQUIRE(Watch::find<action::SaveImage>(soon.said) != nullptr);
  CHECK(Watch::find<action::SaveImage>(soon.said)->deadline == soon.now().wall + 90s);
  Ended late(Watch::defaults(), 24h);
  CHECK(Watch::find<action::SaveImage>(late.said)->deadline == late.now().wall + 5min);
  Ended unknown;
  CHECK(Watch::find<action::SaveImage>(unknown.said)->deadline == unknown.now().wall + 5min);
}

TEST_CASE("without a picture to save, success is announced at once") {
  Ended w;
  const Actions out = w.saved(SaveVerdict::none);
  REQUIRE(Watch::change(out) != nullptr);
  CHECK(Watch::change(out)->events == std::vector{EventType::succeeded});
  CHECK(Watch::change(out)->phase == Phase::done);
  CHECK_FALSE(Watch::change(out)->images->error);
}

TEST_CASE("pictures that are gone for good are announced as missing at once") {
  Ended w;
  Actions out;
  SUBCASE("with a reason") {
    out = w.saved(SaveVerdict::gone, failure("HTTP 404"));
    CHECK(Watch::change(out)->images->error == "HTTP 404");
  }
  SUBCASE("without") {
    out = w.saved(SaveVerdict::gone);
    CHECK(Watch::change(out)->images->error);
  }
  CHECK(Watch::change(out)->events == std::vector{EventType::succeeded});
  CHECK(Watch::change(out)->phase == Phase::done);
  w.commit_all(out);
  CHECK(w.watcher.live() == 0);
}

TEST_CASE("failed saves are tried again after 1 s, doubling, and the last before giving up knows it") {
  Ended w;
  std::vector<milliseconds> waits;
  bool last = false;
  while (!last && w.changes.empty()) {
    const milliseconds before = w.clock;
    CHECK(Watch::change(w.saved(SaveVerdict::try_again, failure("HTTP 500"))) == nullptr);
    const auto save = w.next_save();
    if (!save) break;
    waits.push_back(w.clock - before);
    last = save->last_chance;
  }
  CHECK(last);
  REQUIRE(waits.size() >= 6);
  CHECK(std::vector(waits.begin(), waits.begin() + 6) == std::vector<milliseconds>{1s, 2s, 4s, 8s, 16s, 32s});
  CHECK(w.changes.empty());
  // It fails too: success is announced at give_up with the last error, and the tries go on quietly.
  w.saved(SaveVerdict::try_again, failure("HTTP 502"));
  w.next_save(6min);
  REQUIRE(w.changes.size() == 1);
  CHECK(w.changes[0].phase == Phase::late);
  CHECK(w.changes[0].events == std::vector{EventType::succeeded});
  CHECK(w.changes[0].images->error == "HTTP 502");
  const Actions came = w.saved(SaveVerdict::saved, picture());
  REQUIRE(Watch::change(came) != nullptr);
  CHECK(Watch::change(came)->events == std::vector{EventType::images});
  CHECK(Watch::change(came)->images->images.size() == 1);
  CHECK(Watch::change(came)->phase == Phase::done);
}

TEST_CASE("when saving goes on after a pause, all that waits is tried at once, and patiently from the beginning") {
  Ended w;
  SUBCASE("while the announcement waits") {
    for (int i = 0; i < 6; ++i) {
      w.saved(SaveVerdict::try_again, failure("the disk is full"));
      if (i < 5) REQUIRE(w.next_save(1min));
    }
    CHECK_FALSE(w.next_save(20s));  // the next would come after 32 s
  }
  SUBCASE("after it, when tries are an hour apart") {
    w.saved(SaveVerdict::try_again, failure("the disk is full"));
    while (w.clock - w.success < 5h) {
      if (w.next_save(10min)) w.saved(SaveVerdict::try_again, failure("the disk is full"));
    }
    CHECK(w.changes.size() == 1);
    CHECK_FALSE(w.next_save(1s));
  }
  const Actions out = w.tell({event::SavingResumed{}});
  REQUIRE(Watch::find<action::SaveImage>(out) != nullptr);
  CHECK(Watch::find<action::SaveImage>(w.tell({event::SavingResumed{}})) == nullptr);  // it is under way
  const milliseconds before = w.clock;
  w.saved(SaveVerdict::try_again, failure("HTTP 500"));
  REQUIRE(w.next_save(10s));
  CHECK(w.clock - before == 1s);
}

TEST_CASE("tasks that wait for no picture do not care that saving goes on") {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  w.call();
  CHECK(w.tell({event::SavingResumed{}}).empty());
}

TEST_CASE("the quiet tries end with the links, or when there is nothing to be had, without a word") {
  Ended w(Watch::defaults(), 20min);
  w.saved(SaveVerdict::try_again, failure("HTTP 500"));
  while (w.changes.empty() && w.next_save(10min)) w.saved(SaveVerdict::try_again, failure("HTTP 500"));
  REQUIRE(w.changes.size() == 1);
  CHECK(w.changes[0].phase == Phase::late);
  SUBCASE("the links expire") {
    while (w.next_save(2h)) w.saved(SaveVerdict::try_again);
    REQUIRE(w.changes.size() == 2);
    CHECK(w.changes[1].at == w.now().wall - (w.clock - w.success - 20min));
    CHECK(w.changes[1].events.empty());
    CHECK(w.changes[1].phase == Phase::done);
  }
  SUBCASE("gone") {
    REQUIRE(w.next_save(1h));
    const Actions out = w.saved(SaveVerdict::gone, failure("HTTP 410"));
    CHECK(Watch::change(out)->events.empty());
    CHECK_FALSE(Watch::change(out)->images);
    w.commit_all(out);
  }
  CHECK(w.watcher.live() == 0);
  CHECK(w.watcher.next_wakeup() == kNever);
}

TEST_CASE("links that name no expiry are tried for a day") {
  Ended w;
  w.saved(SaveVerdict::try_again, failure("HTTP 500"));
  while (w.next_save(2h)) w.saved(SaveVerdict::try_again, failure("HTTP 500"));
  REQUIRE(w.changes.size() == 2);
  CHECK(w.changes[0].phase == Phase::late);
  CHECK(w.changes[1].phase == Phase::done);
  CHECK(w.changes[1].events.empty());
  CHECK(w.changes[1].at == w.now().wall - (w.clock - w.success - 24h));
  CHECK(w.watcher.live() == 0);
}

TEST_CASE("a commit of the announcement that fails is made again, with the pictures") {
  Ended w;
  const Actions out = w.saved(SaveVerdict::saved, picture());
  w.commit(out, CommitResult::Code::failed);
  REQUIRE(w.next_save(10s));  // finds the files in place
  const Actions again = w.saved(SaveVerdict::saved, picture());
  REQUIRE(Watch::change(again) != nullptr);
  CHECK(Watch::change(again)->events == std::vector{EventType::succeeded});
}

namespace {

/// A watcher of 300 tasks whose pictures are to be saved, the last ones soonest.
struct Hundreds : Watch {
  Hundreds() {
    std::vector<Event> adopted;
    for (int i = 0; i < 300; ++i) {
      TaskRecord one = record("t" + std::to_string(i));
      one.phase = Phase::saving;
      one.status = Status::success;
      one.success_at = now().wall;
      one.link_expires_at = now().wall + 200s - i * 100ms;
      adopted.emplace_back(event::Adopted{one});
    }
    first = tell(std::move(adopted));
  }
  Actions first;
};

}  // namespace

TEST_CASE("at most 256 saves are under way, nearest deadline first") {
  Hundreds w;
  CHECK(Watch::count<action::SaveImage>(w.first) == 256);
  CHECK(Watch::find<action::SaveImage>(w.first)->key.id == "t299");
  CHECK(w.watcher.saving() == 300);
  const Actions next = w.tell({event::ImageSaved{{"g", "t299"}, SaveVerdict::saved, picture()}});
  REQUIRE(Watch::count<action::SaveImage>(next) == 1);
  CHECK(Watch::find<action::SaveImage>(next)->key.id == "t43");
}

TEST_CASE("those that wait for their turn wait on when their gateway goes from the configuration") {
  Hundreds w;
  Settings without = Watch::defaults();
  without.gateways.clear();
  Actions out;
  w.watcher.reconfigure(without, w.now(), out);
  CHECK(Watch::count<action::SaveImage>(out) == 0);
  out = w.tell({event::ImageSaved{{"g", "t299"}, SaveVerdict::saved, picture()}});
  CHECK(Watch::count<action::SaveImage>(out) == 0);
  CHECK(w.watcher.saving() == 255);
  out.clear();
  w.watcher.reconfigure(Watch::defaults(), w.now(), out);
  CHECK(Watch::count<action::SaveImage>(out) == 1);
}

TEST_CASE("pictures of a gateway that is gone from the configuration wait for it, success does not") {
  Ended w;
  w.saved(SaveVerdict::try_again, failure("HTTP 500"));
  Settings without = Watch::defaults();
  without.gateways.clear();
  Actions out;
  w.watcher.reconfigure(without, w.now(), out);
  CHECK_FALSE(w.next_save(10min));
  REQUIRE(w.changes.size() == 1);
  CHECK(w.changes[0].phase == Phase::late);
  out.clear();
  w.watcher.reconfigure(Watch::defaults(), w.now(), out);
  CHECK(Watch::find<action::SaveImage>(out) != nullptr);
}

TEST_CASE("pictures of an ended task are tried for once when somebody asks") {
  Watch w;
  TaskRecord ended = w.record("a");
  ended.phase = Phase::done;
  ended.status = Status::success;
  ended.success_at = w.now().wall;
  const auto ask = [&] { return w.tell({event::RefreshAsked{{"g", "a"}, ended}}); };
  CHECK(Watch::find<action::SaveImage>(ask()) != nullptr);
  CHECK(Watch::find<action::SaveImage>(ask()) == nullptr);  // it is under way
  Actions out;
  SUBCASE("and had") {
    out = w.tell({event::ImageSaved{{"g", "a"}, SaveVerdict::saved, picture()}});
    REQUIRE(Watch::change(out) != nullptr);
    CHECK(Watch::change(out)->events == std::vector{EventType::images});
    w.commit_all(out);
  }
  SUBCASE("or not") {
    out = w.tell({event::ImageSaved{{"g", "a"}, SaveVerdict::try_again, failure("no")}});
    CHECK(Watch::change(out) == nullptr);
  }
  CHECK_FALSE(w.watcher.holds({"g", "a"}));
}

TEST_CASE("a failed task has no pictures to try for") {
  Watch w;
  TaskRecord ended = w.record("a");
  ended.phase = Phase::done;
  ended.status = Status::failure;
  CHECK(w.tell({event::RefreshAsked{{"g", "a"}, ended}}).empty());
  CHECK(w.watcher.live() == 0);
}

#include <doctest/doctest.h>

#include <algorithm>

#include "daemon/store/sqlite_store.hpp"
#include "tests/store/faulty_disk.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// So many that the log is due to be moved into the file.
std::vector<Change> much(const std::string& prefix) {
  std::vector<Change> changes;
  for (int i = 0; i < 600; ++i) {
    auto change = registration(prefix + std::to_string(i));
    change.registration.metadata = "\"" + std::string(12'000, 'x') + "\"";
    changes.emplace_back(std::move(change));
  }
  return changes;
}

/// Everything committed before a fault is there after a restart, and the file is sound.
void check_kept(State& state, std::size_t tasks) {
  state.reopen();
  CHECK(state.counts().watching == tasks);
  CHECK(state.look("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1);
}

}  // namespace

TEST_CASE("a full disk fails changes, and they succeed when there is room again") {
  FaultyDisk disk;
  State state;
  REQUIRE(state.commit(registration("a")).code == Code::done);
  disk.writes_to_log(SQLITE_FULL);
  const auto failed = state.commit(registration("b"));
  CHECK(failed.code == Code::full);
  CHECK(failed.detail.find("full") != std::string::npos);
  CHECK_FALSE(failed.task);
  CHECK(state.commit(registration("c")).code == Code::full);
  CHECK(state.commit(running("a", 10)).code == Code::failed);  // to be tried again
  CHECK(state.store->broken().empty());
  CHECK(state.tasks().size() == 1);
  disk.writes_to_log(SQLITE_OK);
  CHECK(state.commit(registration("b")).code == Code::done);
  check_kept(state, 2);
}

TEST_CASE("pruning on a full disk is answered, and goes on later") {
  FaultyDisk disk;
  State state;
  state.commit(registration("a"));
  state.commit(ended("a", Ending::lost, EventType::lost, kNoon));
  state.look("UPDATE deliveries SET state = 1");
  disk.writes_to_log(SQLITE_FULL);
  CHECK(state.prune(kNoon + 24h) == 0);
  disk.writes_to_log(SQLITE_OK);
  CHECK(state.store->broken().empty());
  CHECK(state.prune(kNoon + 24h) == 1);
}

TEST_CASE("a log that can't be synced ends all writing, and what was promised before is kept") {
  FaultyDisk disk;
  State state;
  REQUIRE(state.commit(registration("a")).code == Code::done);
  disk.syncs_of_log(SQLITE_IOERR_FSYNC);
  const auto failed = state.commit(registration("b"));
  CHECK(failed.code == Code::failed);
  CHECK(state.store->broken().find("disk I/O error") != std::string::npos);
  disk.syncs_of_log(SQLITE_OK);  // it may seem to have healed: nothing is known all the same
  const int before = disk.log_syncs();
  const auto later = state.commit(registration("c"));
  CHECK(later.code == Code::failed);
  CHECK(later.detail.find("nothing is written any more: ") == 0);
  CHECK(state.commit(running("a", 10)).code == Code::failed);
  CHECK(state.prune(kNoon) == 0);
  CHECK(disk.log_syncs() == before);
  CHECK(state.tasks().size() >= 1);  // reading goes on
  state.reopen();
  CHECK(state.store->broken().empty());
  CHECK(state.task("a").record.phase == Phase::watching);
  CHECK(state.look("SELECT count(*) FROM tasks WHERE id = 'c'") == 0);
  CHECK(state.commit(registration("c")).code == Code::done);
}

TEST_CASE("a file that can't be synced when the log is moved into it ends all writing") {
  FaultyDisk disk;
  State state;
  disk.syncs_of_file(SQLITE_IOERR_FSYNC);
  // The log is moved after the answers were given: the first group is promised, later ones may fail.
  const auto results = state.commit_all(much("a"));
  const auto promised =
      std::count_if(results.begin(), results.end(), [](const auto& r) { return r.code == Code::done; });
  CHECK(promised > 0);
  state.run_until([&] {
    static_cast<void>(state.counts());
    return !state.store->broken().empty();
  });
  CHECK(state.commit(registration("b")).code == Code::failed);
  disk.syncs_of_file(SQLITE_OK);
  check_kept(state, static_cast<std::size_t>(promised));
}

TEST_CASE("damage found while reading ends all writing") {
  FaultyDisk disk;
  State state;
  state.commit_all(much("a"));
  state.reopen();  // all is in the file, and no cache knows it
  disk.reads_of_file(SQLITE_CORRUPT);
  CHECK(state.tasks().empty());
  CHECK_FALSE(state.store->broken().empty());
  disk.reads_of_file(SQLITE_OK);
  CHECK(state.commit(registration("b")).code == Code::failed);
  check_kept(state, 600);
}

TEST_CASE("a disk that hangs shows, holds up no reading, and costs nothing") {
  FaultyDisk disk;
  State state;
  state.commit(registration("a"));
  CHECK_FALSE(state.store->full());
  disk.hold_syncs(true);
  bool done = false;
  state.store->commit(registration("b"), [&](const CommitResult& result) { done = result.code == Code::done; });
  state.run_until([&] {
    static_cast<void>(state.counts());
    return state.store->busy_since().has_value();
  });
  CHECK(state.tasks().size() == 1);
  for (int i = 0; i < 9'998; ++i) state.store->commit(change::Learned{"g", "s"}, {});
  CHECK_FALSE(state.store->full());
  state.store->commit(change::Learned{"g", "s"}, {});
  CHECK(state.store->full());
  CHECK(state.store->waiting() == 10'000);
  bool more = false;
  state.store->commit(registration("c"), [&](const CommitResult& result) { more = result.code == Code::done; });
  CHECK_FALSE(done);
  disk.hold_syncs(false);
  state.run_until([&] { return more; });
  CHECK(done);
  CHECK_FALSE(state.store->full());
  CHECK(state.store->waiting() == 0);
  state.run_until([&] {
    static_cast<void>(state.counts());
    return !state.store->busy_since().has_value();
  });
}

TEST_CASE("many changes are one sync") {
  FaultyDisk disk;
  State state;
  state.commit(registration("first"));
  disk.hold_syncs(true);
  int done = 0;
  state.store->commit(registration("a"), [&](const CommitResult&) { ++done; });
  state.run_until([&] {
    static_cast<void>(state.counts());
    return state.store->busy_since().has_value();
  });
  for (int i = 0; i < 1000; ++i) {
    state.store->commit(registration("b" + std::to_string(i)), [&](const CommitResult&) { ++done; });
  }
  const int before = disk.log_syncs();
  disk.hold_syncs(false);
  state.run_until([&] { return done == 1001; });
  CHECK(disk.log_syncs() - before <= 3);
}

TEST_CASE("no room for a new store is said, with the cure") {
  FaultyDisk disk;
  const Folder folder;
  disk.writes_to_log(SQLITE_FULL);
  asio::io_context io;
  std::string why;
  try {
    const SqliteStore store(io, {folder.path, usual_rules(), webhooks::SecretBox(std::string(32, 'k'))});
  } catch (const std::runtime_error& error) {
    why = error.what();
  }
  CHECK(why.find(folder.database().string()) != std::string::npos);
  CHECK(why.find("free some space there") != std::string::npos);
}

TEST_CASE("what can't be read now is not answered as if it were not there") {
  FaultyDisk disk;
  State state;
  state.commit_all(much("a"));
  REQUIRE(state.commit(registration("t1")).code == Code::done);
  const DeliveryNo webhook = state.commit(success("t1")).deliveries.at(0).no;
  state.reopen();
  disk.reads_of_file(SQLITE_NOMEM);  // not for good
  CHECK(state.tasks().unread);
  CHECK(state.deliveries().unread);
  CHECK(state.events().unread);
  const auto later = state.outgoing(webhook);
  REQUIRE(later.has_value());  // else it would be given up
  CHECK_FALSE(later->ours);
  CHECK(state.store->broken().empty());
  disk.reads_of_file(SQLITE_OK);
  CHECK(state.tasks().size() == 100);
  CHECK_FALSE(state.tasks().unread);
  CHECK(state.outgoing(webhook)->ours);
  TaskQuery none;
  none.id = "nobody";
  CHECK_FALSE(state.tasks(none).unread);
}

TEST_CASE("a watch list that can't be taken up is not taken for an empty one") {
  FaultyDisk disk;
  State state;
  state.commit_all(much("a"));
  state.close();
  state.open();
  disk.reads_of_file(SQLITE_NOMEM);
  CHECK(state.adopt().empty());
  CHECK_FALSE(state.store->broken().empty());
}

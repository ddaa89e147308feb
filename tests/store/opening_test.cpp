#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "daemon/store/delivery_row.hpp"
#include "daemon/store/schema.hpp"
#include "daemon/store/sqlite.hpp"
#include "daemon/store/sqlite_store.hpp"
#include "tests/store/file_bytes.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat about {};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  return about.st_mode & 07777U;
}

/// What opening says; empty when it succeeds.
std::string refusal(const std::filesystem::path& folder) {
  asio::io_context io;
  try {
    const SqliteStore store(io, {folder, usual_rules(), webhooks::SecretBox(std::string(32, 'k'))});
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a state folder is made for its owner only, and so are the files in it") {
  const Folder above;
  const auto folder = above.path / "state";
  const mode_t before = ::umask(0);
  {
    asio::io_context io;
    SqliteStore store(io, {folder, usual_rules(), webhooks::SecretBox(std::string(32, 'k'))});
    bool done = false;
    store.commit(registration("a"), [&](const CommitResult&) { done = true; });
    while (!done) io.run_one();
    for (const char* name : {"mjwatchd.db", "mjwatchd.db-wal", "mjwatchd.db-shm", "lock"}) {
      CHECK_MESSAGE(mode_of(folder / name) == 0600, name);
    }
  }
  ::umask(before);
  CHECK(mode_of(folder) == 0700);
  CHECK_FALSE(std::filesystem::exists(folder / "mjwatchd.db-wal"));  // tidied up at the end
}

TEST_CASE("a folder that is there keeps its mode") {
  const Folder folder;
  REQUIRE(::chmod(folder.path.c_str(), 0750) == 0);
  CHECK(refusal(folder.path).empty());
  CHECK(mode_of(folder.path) == 0750);
}

TEST_CASE("a second daemon on one folder is refused, with the pid of the first") {
  State state;
  const auto why = refusal(state.folder.path);
  CHECK(says(why, "another mjwatchd (pid " + std::to_string(::getpid()) + ") has this state folder"));
  CHECK(says(why, state.folder.path.string()));
  CHECK(state.commit(registration("a")).code == Code::done);  // the first is none the worse
  state.close();
  CHECK(refusal(state.folder.path).empty());
  state.open();
}

TEST_CASE("closing frees the folder, even before the store itself goes") {
  State state;
  state.store->close();
  CHECK(refusal(state.folder.path).empty());
}

TEST_CASE("a folder that can't be is said with its cure") {
  const Folder folder;
  const auto missing = refusal(folder.path / "no" / "state");
  CHECK(says(missing, (folder.path / "no" / "state").string()));
  CHECK(says(missing, "make its parent folder first"));
  write(folder.path / "file", "x");
  CHECK(says(refusal(folder.path / "file"), "must name a folder"));
  CHECK(says(refusal("/proc/self/mjwatchd-no-such"), "can't be made"));
  std::filesystem::create_directory(folder.path / "state");
  std::filesystem::create_directory(folder.path / "state" / "mjwatchd.db");
  CHECK(says(refusal(folder.path / "state"), "mjwatchd.db can't be opened for writing"));
}

TEST_CASE("a file of a newer version is refused and left as it is") {
  State state;
  state.commit(registration("a"));
  state.close();
  state.look("PRAGMA user_version = 5");
  const std::string before = bytes_of(state.folder.database());
  const auto why = refusal(state.folder.path);
  CHECK(says(why, state.folder.database().string()));
  CHECK(says(why, "was written by a newer mjwatchd (its format is 5, this one knows up to 4)"));
  CHECK(bytes_of(state.folder.database()) == before);
  state.look("PRAGMA user_version = 4");
  CHECK(refusal(state.folder.path).empty());
  state.open();
  CHECK(state.tasks().size() == 1);
}

TEST_CASE("a database of another program is refused and left as it is") {
  State state;
  state.close();
  std::filesystem::remove(state.folder.database());
  write(state.folder.database(), "");
  state.look("CREATE TABLE theirs(x)");
  const std::string before = bytes_of(state.folder.database());
  CHECK(says(refusal(state.folder.path), "is a database of another program"));
  CHECK(bytes_of(state.folder.database()) == before);
  std::filesystem::remove(state.folder.database());
  state.open();
}

TEST_CASE("a damaged file is refused, with what to do") {
  State state;
  std::vector<Change> changes;
  for (int i = 0; i < 200; ++i) changes.emplace_back(registration(std::to_string(i)));
  state.commit_all(std::move(changes));
  state.close();
  std::string bytes = bytes_of(state.folder.database());
  REQUIRE(bytes.size() > 16'384);
  SUBCASE("garbage where the header was") { bytes.replace(0, 100, std::string(100, '\x5a')); }
  SUBCASE("garbage all over") { bytes.assign(bytes.size(), '\x17'); }
  SUBCASE("garbage in the schema") { bytes.replace(100, 3000, std::string(3000, '\xee')); }
  SUBCASE("cut off within the schema") { bytes.resize(4096); }
  write(state.folder.database(), bytes);
  const auto why = refusal(state.folder.path);
  CHECK_MESSAGE(says(why, "is damaged"), why);
  CHECK(says(why, state.folder.database().string()));
  CHECK(says(why, "restore it from a backup"));
  std::filesystem::remove(state.folder.database());
  state.open();
}

namespace {

/// The closed file as version 1 of the format was.
void make_first_version(State& state) {
  state.look("DROP INDEX receivers_in_trouble");
  state.look("ALTER TABLE receivers DROP COLUMN failing_since");
  state.look("CREATE INDEX receivers_disabled ON receivers(no) WHERE disabled = 1");
  for (const char* column : {"task", "sequence", "type"}) {
    state.look(std::string("ALTER TABLE deliveries DROP COLUMN ") + column);
  }
  for (const char* index : {"open", "waiting", "receiver"}) state.look(std::string("DROP INDEX deliveries_") + index);
  state.look("CREATE INDEX deliveries_state ON deliveries(state)");
  state.look("CREATE INDEX deliveries_receiver ON deliveries(receiver, state)");
  state.look("PRAGMA user_version = 1");
}

}  // namespace

TEST_CASE("what an earlier version wrote is still read") {
  State state;
  auto change = registration("a");
  change.registration.given = {{"save", R"("all")"}};
  state.commit(change);
  state.commit(change::Receiver{"app", true, "410", kNoon});
  state.close();
  make_first_version(state);
  state.open();
  const auto adopted = state.adopt();
  REQUIRE(adopted.size() == 2);
  CHECK(std::get<event::ReceiverAdopted>(adopted[0]).disabled);
  CHECK_FALSE(std::get<event::ReceiverAdopted>(adopted[0]).failing_since);
  state.close();
  CHECK(state.look("PRAGMA user_version") == 4);
  CHECK(state.look("PRAGMA application_id") == 0x6d6a7764);
  state.open();
  CHECK(state.commit(change).code == Code::existing);
}

TEST_CASE("a file of the first version is brought up to date, and its pending deliveries know their event") {
  State state;
  state.commit(registration("a"));
  const auto made = state.commit(success("a")).deliveries;
  REQUIRE(made.size() == 1);
  state.close();
  make_first_version(state);
  state.open();
  std::vector<DeliveryRecord> found;
  for (const Event& event : state.adopt()) {
    if (const auto* adopted = std::get_if<event::DeliveryAdopted>(&event)) found.push_back(adopted->delivery);
  }
  REQUIRE(found.size() == 1);
  CHECK(found[0].task == made[0].task);
  CHECK(found[0].sequence == made[0].sequence);
  CHECK(found[0].type == EventType::succeeded);
  state.close();
  CHECK(state.look("PRAGMA user_version") == 4);
}

TEST_CASE("who starts with an old file of many rows hears that it is getting on") {
  State state;
  state.commit(registration("a"));
  REQUIRE(state.commit(success("a")).deliveries.size() == 1);
  state.close();
  state.look(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
      "INSERT INTO deliveries(event, receiver, format, state, attempts, due, reason, created_at, task, sequence, type) "
      "SELECT event, receiver, format, state, attempts, due, reason, created_at, task, sequence, type "
      "FROM deliveries, n");
  CHECK(state.look("SELECT count(*) FROM deliveries") == 20001);
  make_first_version(state);
  int told = 0;
  CHECK(open_for_writing(state.folder.path / "mjwatchd.db", Moved::refused, [&] { ++told; }) != nullptr);
  CHECK(told >= 3);
  CHECK(state.look("PRAGMA user_version") == 4);
}

namespace {

std::string plan_of(const std::filesystem::path& file, const std::string& sql) {
  Connection db(file);
  Query row(db, "EXPLAIN QUERY PLAN " + sql);
  std::string plan;
  while (row.next()) plan += row.text(3) + "\n";
  return plan;
}

}  // namespace

TEST_CASE("what is looked up for each event, and all that waits, is found by small indexes, in any file") {
  State state;
  state.close();
  SUBCASE("a new one") {}
  SUBCASE("one of the first version") {
    make_first_version(state);
    state.open();
    state.close();
  }
  const auto file = state.folder.database();
  CHECK(says(plan_of(file, "SELECT 1 FROM deliveries WHERE " MJWATCHD_OPEN " AND receiver = ? AND state = ? LIMIT 1"),
             "deliveries_waiting (receiver=? AND state=?)"));
  CHECK(says(plan_of(file, "UPDATE deliveries SET state = ? WHERE " MJWATCHD_OPEN " AND receiver = ? AND state = ?"),
             "deliveries_waiting (receiver=? AND state=?)"));
  CHECK(says(plan_of(file,
                     "SELECT * FROM deliveries WHERE receiver = (SELECT no FROM receivers WHERE name = ?) AND "
                     "deliveries.state = ? AND " MJWATCHD_OPEN " ORDER BY no DESC LIMIT ?"),
             "deliveries_waiting (receiver=? AND state=?)"));
  const auto waiting = plan_of(
      file, "SELECT * FROM deliveries WHERE " MJWATCHD_OPEN " AND deliveries.state = ? AND no > ? ORDER BY no LIMIT ?");
  CHECK(says(waiting, "USING INDEX deliveries_open (state=? AND rowid>?)"));
  CHECK_FALSE(says(waiting, "TEMP B-TREE"));
  CHECK(says(plan_of(file, "SELECT * FROM deliveries WHERE receiver = ? ORDER BY no DESC LIMIT ?"),
             "USING INDEX deliveries_receiver (receiver=?)"));
}

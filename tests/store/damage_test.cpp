// A store that was cut, overwritten or bitten: it is refused or opened, and never silently emptied.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <fstream>
#include <sstream>

#include "daemon/store/check.hpp"
#include "tests/store/file_bytes.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

constexpr std::size_t kTasks = 120;

/// Live tasks, ended ones, and webhooks on their way.
std::string make_database(State& state) {
  std::vector<Change> changes;
  for (std::size_t i = 0; i < kTasks; ++i) changes.emplace_back(registration(std::to_string(i)));
  for (std::size_t i = 0; i < kTasks / 3; ++i) changes.emplace_back(running(std::to_string(i), 50));
  for (std::size_t i = 0; i < kTasks / 4; ++i) changes.emplace_back(success(std::to_string(i)));
  for (const auto& result : state.commit_all(std::move(changes))) REQUIRE(result.code == Code::done);
  state.close();
  return bytes_of(state.folder.database());
}

struct Outcome {
  std::string refusal;  ///< of the opening
  std::string broken;   ///< said after everything was read
  std::size_t live = 0;
};

/// As a daemon starts: opens the store and takes everything up.
Outcome start(State& state) {
  Outcome outcome;
  try {
    state.open();
  } catch (const std::runtime_error& error) {
    outcome.refusal = error.what();
    return outcome;
  }
  for (const Event& event : state.adopt()) outcome.live += std::holds_alternative<event::Adopted>(event) ? 1 : 0;
  outcome.broken = state.store->broken();
  state.close();
  return outcome;
}

struct Sums {
  int refused = 0, stopped = 0, unharmed = 0;
};

/// The file with this content: whole, or told to be damaged. Nothing in between.
void judge(State& state, const std::string& bytes, std::size_t live, const std::string& what, Sums& sums) {
  for (const char* more : {"-wal", "-shm"}) std::filesystem::remove(state.folder.database().string() + more);
  write(state.folder.database(), bytes);
  const Outcome outcome = start(state);
  if (!outcome.refusal.empty()) {
    ++sums.refused;
    CHECK_MESSAGE(outcome.refusal.find(state.folder.database().string()) != std::string::npos,
                  what << ": " << outcome.refusal);
    const bool cure = outcome.refusal.find("restore it from a backup") != std::string::npos ||
                      outcome.refusal.find("move it away") != std::string::npos ||
                      outcome.refusal.find("install that version") != std::string::npos;
    CHECK_MESSAGE(cure, what << ": " << outcome.refusal);
    CHECK_MESSAGE(std::filesystem::file_size(state.folder.database()) >= bytes.size(), what);
  } else if (!outcome.broken.empty()) {
    ++sums.stopped;
  } else {
    ++sums.unharmed;
    CHECK_MESSAGE(outcome.live == live, what << ": silently " << outcome.live << " of " << live << " live tasks");
  }
}

}  // namespace

TEST_CASE("a database cut at any byte is refused or stopped, never taken for an empty one") {
  State state;
  const std::string whole = make_database(state);
  const std::size_t live = start(state).live;
  REQUIRE(live > kTasks / 2);
  Sums sums;
  for (std::size_t size = 0; size < whole.size(); size += size < 8192 ? 397 : 5003) {
    judge(state, whole.substr(0, size), live, "cut at " + std::to_string(size), sums);
  }
  MESSAGE(sums.refused << " refused, " << sums.stopped << " stopped, " << sums.unharmed << " unharmed of "
                       << sums.refused + sums.stopped + sums.unharmed << " cuts");
  CHECK(sums.refused + sums.stopped > 0);
  judge(state, whole, live, "uncut", sums);
}

TEST_CASE("a database with flipped bits loses no live task without a word") {
  State state;
  const std::string whole = make_database(state);
  const std::size_t live = start(state).live;
  Sums sums;
  std::uint64_t number = 1;
  for (int round = 0; round < 60; ++round) {
    number = number * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::size_t at = (number >> 33U) % (round % 3 == 0 ? 4096 : whole.size());
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1U << (number >> 61U)));
    judge(state, bytes, live, "a bit of byte " + std::to_string(at), sums);
  }
  MESSAGE(sums.refused << " refused, " << sums.stopped << " stopped, " << sums.unharmed << " unharmed of 60 bits");
}

TEST_CASE("a database that became empty is not taken for a new one") {
  State state;
  make_database(state);
  write(state.folder.database(), "");
  const Outcome outcome = start(state);
  CHECK(outcome.refusal.find("is empty, and was not when mjwatchd last ran") != std::string::npos);
  std::filesystem::remove(state.folder.database());
  CHECK(start(state).refusal.empty());  // moved away, as it was told
}

TEST_CASE("a database that another program holds locked is refused with what to do, and left whole") {
  State state;
  make_database(state);
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(state.folder.database().c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
  const Outcome outcome = start(state);
  sqlite3_close(other);
  CHECK(outcome.refusal.find("another program has it open: close that") != std::string::npos);
  CHECK(start(state).refusal.empty());
}

TEST_CASE("a sound store is called sound, also while it is being written, and nothing in it changes") {
  State state;
  make_database(state);
  state.open();
  state.commit(registration("one more"));
  const std::string before = bytes_of(state.folder.database());
  const CheckReport report = check_store(state.folder.database());
  CHECK(report.wrong.empty());
  CHECK(report.tasks == kTasks + 1);
  CHECK(report.events > 0);
  CHECK(report.deliveries > 0);
  CHECK(state.commit(registration("and another")).code == Code::done);
  CHECK(bytes_of(state.folder.database()) == before);
}

TEST_CASE("checking a store whose daemon was killed leaves its log where it is") {
  State state;
  state.commit(registration("a"));
  const std::filesystem::path copy = state.folder.path / "copy.db";
  std::filesystem::copy_file(state.folder.database(), copy);
  std::filesystem::copy_file(state.folder.database().string() + "-wal", copy.string() + "-wal");
  CHECK(check_store(copy).tasks == 1);
  CHECK(std::filesystem::file_size(copy.string() + "-wal") > 0);
}

TEST_CASE("what is wrong between the rows is found and named") {
  struct Wrong {
    const char* sql;
    const char* says;
  };
  const Wrong all[] = {
      {"UPDATE counters SET n = n + 1 WHERE kind = 0", "counters differ from what is there: kind 0"},
      {"DELETE FROM counters WHERE kind = 14", "counters are missing"},
      {"UPDATE tasks SET status = 77 WHERE id = '5'", "a word that no version wrote: octopusx/5"},
      {"DELETE FROM task_texts WHERE task = 1", "tasks without their texts"},
      {"UPDATE task_texts SET metadata = '{' WHERE task = 1", "texts that are no JSON"},
      {"UPDATE tasks SET ended_at = NULL WHERE id = '1'", "done without an end"},
      {"INSERT INTO events SELECT NULL, task, gateway, id, 5, 99, at, 'evt_x', body FROM events WHERE type = 4 LIMIT 1",
       "more than one final event"},
      {"INSERT INTO events SELECT NULL, task, gateway, id, 2, sequence, at, 'evt_y', body FROM events LIMIT 1",
       "a number that another of their task has"},
      {"UPDATE tasks SET sequence = 0", "numbered beyond what their task has counted"},
      {"UPDATE events SET webhook_id = 'evt_same'", "under one webhook-id: evt_same"},
      {"UPDATE events SET body = 'x' WHERE no = 1", "whose body is no JSON"},
      {"UPDATE deliveries SET event = 100000 WHERE no = 1", "deliveries of no event: delivery 1"},
      {"UPDATE deliveries SET receiver = 100000 WHERE no = 1", "deliveries to no receiver: delivery 1"},
      {"UPDATE deliveries SET target = 100000 WHERE no = 1", "whose URL is gone: delivery 1"},
      {"INSERT INTO attempts VALUES (100000, 1, 200, 0, NULL, '', '', 0, 0, 0, 0, 0, 0)", "attempts of no delivery"},
      {"UPDATE deliveries SET state = 9 WHERE no = 1", "in a state that no version wrote"},
  };
  State state;
  const std::string whole = make_database(state);
  for (const Wrong& wrong : all) {
    write(state.folder.database(), whole);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(state.folder.database().c_str(), &db) == SQLITE_OK);
    CHECK_MESSAGE(sqlite3_exec(db, wrong.sql, nullptr, nullptr, nullptr) == SQLITE_OK, sqlite3_errmsg(db));
    sqlite3_close(db);
    std::string found;
    for (const std::string& line : check_store(state.folder.database()).wrong) found += line + "\n";
    CHECK_MESSAGE(found.find(wrong.says) != std::string::npos, wrong.sql << " shows as: " << found);
  }
}

TEST_CASE("a damaged file is called damaged, and none a file that is not there") {
  State state;
  std::string bytes = make_database(state);
  bytes.replace(bytes.size() / 2, 5000, std::string(5000, '\x5a'));
  write(state.folder.database(), bytes);
  const CheckReport report = check_store(state.folder.database());
  REQUIRE_FALSE(report.wrong.empty());
  CHECK(report.wrong.front().find("the file is damaged") == 0);
  std::string why;
  try {
    static_cast<void>(check_store(state.folder.path / "none.db"));
  } catch (const std::runtime_error& error) {
    why = error.what();
  }
  CHECK(why.find("is not there") != std::string::npos);
}

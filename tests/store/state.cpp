#include "tests/store/state.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>

namespace mjwatchd::store::test {

State::State(StoreRules with) : rules(std::move(with)) {
  spdlog::set_level(spdlog::level::off);  // what is wrong on purpose is no news
  open();
}
State::~State() { close(); }

void State::open() {
  store = std::make_unique<SqliteStore>(io, SqliteOptions{folder.path, rules, webhooks::SecretBox(box_key)});
}

void State::run_until(const std::function<bool()>& stop) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!stop()) {
    io.restart();
    REQUIRE(std::chrono::steady_clock::now() < end);
    io.run_one_for(1s);
  }
}

CommitResult State::commit(Change change) {
  return wait_for<CommitResult>([&](auto done) { store->commit(std::move(change), std::move(done)); });
}

std::vector<CommitResult> State::commit_all(std::vector<Change> changes) {
  std::vector<CommitResult> results;
  const std::size_t all = changes.size();
  for (Change& change : changes) {
    store->commit(std::move(change), [&results](CommitResult result) { results.push_back(std::move(result)); });
  }
  run_until([&] { return results.size() == all; });
  return results;
}

std::vector<TaskView> State::tasks(TaskQuery query) {
  return wait_for<std::vector<TaskView>>([&](auto done) { store->tasks(std::move(query), std::move(done)); });
}

TaskView State::task(const std::string& id) {
  TaskQuery query;
  query.id = id;
  auto found = tasks(query);
  REQUIRE(found.size() == 1);
  return std::move(found.front());
}

std::vector<DeliveryView> State::deliveries(DeliveryQuery query) {
  return wait_for<std::vector<DeliveryView>>([&](auto done) { store->deliveries(std::move(query), std::move(done)); });
}

DeliveryView State::delivery(DeliveryNo no) {
  DeliveryQuery query;
  query.no = no;
  auto found = deliveries(query);
  REQUIRE(found.size() == 1);
  return std::move(found.front());
}

EventPage State::events(EventQuery query) {
  return wait_for<EventPage>([&](auto done) { store->events(std::move(query), std::move(done)); });
}

std::optional<Outgoing> State::outgoing(DeliveryNo no) {
  return wait_for<std::optional<Outgoing>>([&](auto done) { store->outgoing(no, std::move(done)); });
}

StoreCounts State::counts() {
  return wait_for<StoreCounts>([&](auto done) { store->counts(std::move(done)); });
}

std::size_t State::prune(WallTime before) {
  return wait_for<std::size_t>([&](auto done) { store->prune(before, std::move(done)); });
}

std::vector<Event> State::adopt() {
  std::vector<Event> all;
  bool finished = false;
  store->adopt([&](std::vector<Event> page) {
    finished = page.empty();
    for (Event& event : page) all.push_back(std::move(event));
  });
  run_until([&] { return finished; });
  return all;
}

std::int64_t State::look(const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(folder.database().c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  REQUIRE_MESSAGE(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK, sqlite3_errmsg(db));
  const std::int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}

}  // namespace mjwatchd::store::test

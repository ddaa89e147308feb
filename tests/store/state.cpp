#include "tests/store/state.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include "mjwatchd/names.hpp"

namespace mjwatchd::store::test {

EventMask all_events() { return (EventMask{1} << 11U) - 1; }

StoreRules usual_rules() {
  StoreRules rules;
  const EventMask usual = mask_of(EventType::succeeded) | mask_of(EventType::failed) | mask_of(EventType::cancelled) |
                          mask_of(EventType::modal) | mask_of(EventType::images) | mask_of(EventType::expired) |
                          mask_of(EventType::lost);
  rules.endpoints = {{"app", {usual, BodyFormat::standard}},
                     {"all", {all_events(), BodyFormat::standard}},
                     {"ce", {usual, BodyFormat::cloudevents}},
                     {"nh", {usual, BodyFormat::notify_hook}}};
  rules.default_list = {"app"};
  return rules;
}

TaskKey key(const std::string& id, const std::string& gateway) { return {gateway, id}; }

change::Register registration(const std::string& id, WallTime at) {
  change::Register change;
  change.registration.key = key(id);
  change.at = at;
  return change;
}

Snapshot snapshot(const std::string& id, Status status, int progress, const std::string& more) {
  Snapshot seen;
  seen.id = id;
  seen.status = status;
  seen.action = "IMAGINE";
  seen.progress = static_cast<std::uint8_t>(progress);
  seen.digest = static_cast<std::uint64_t>(progress) * 16 + static_cast<unsigned>(status) + (1ULL << 63U);
  seen.json = std::make_shared<const std::string>(R"({"id":")" + id + R"(","status":")" + std::string(name(status)) +
                                                  R"(","progress":")" + std::to_string(progress) + "%\"" + more + "}");
  return seen;
}

change::Task running(const std::string& id, int progress, WallTime at) {
  change::Task change;
  change.key = key(id);
  change.snapshot = snapshot(id, Status::in_progress, progress);
  change.at = at;
  return change;
}

change::Task ended(const std::string& id, Ending ending, EventType type, WallTime at) {
  change::Task change;
  change.key = key(id);
  change.phase = Phase::done;
  change.ending = ending;
  change.events = {type};
  change.at = at;
  return change;
}

change::Task success(const std::string& id, WallTime at) {
  change::Task change = ended(id, Ending::succeeded, EventType::succeeded, at);
  change.snapshot = snapshot(id, Status::success, 100);
  return change;
}

WebhookTarget endpoint(const std::string& name, std::optional<EventMask> events) {
  WebhookTarget target;
  target.endpoint = name;
  target.events = events;
  return target;
}

WebhookTarget url(const std::string& address, const std::string& secret, std::optional<EventMask> events,
                  BodyFormat format) {
  WebhookTarget target;
  target.url = address;
  target.secret = secret;
  target.events = events;
  target.format = format;
  return target;
}

State::State(StoreRules with) : rules(std::move(with)) { open(); }
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

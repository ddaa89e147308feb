// A single machine's watch list moves into PostgreSQL.
#include "daemon/store/postgres/import.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/store/postgres/server.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

State single() { return State(usual_rules(), make_sqlite_home); }
State shared(const std::string& url) {
  return State(usual_rules(), [&url](const std::filesystem::path& folder) { return make_postgres_home(folder, url); });
}

ImportReport import(State& from, const std::string& url, const std::string& new_key = std::string(32, 'k'),
                    std::vector<std::string>* told = nullptr) {
  from.close();
  return import_sqlite(from.folder.path, webhooks::SecretBox(from.box_key), {{url, ""}, webhooks::SecretBox(new_key)},
                       [told](std::string_view table, std::int64_t done, std::int64_t of) {
                         CHECK(done <= of);
                         if (told != nullptr && done == of) told->emplace_back(table);
                       });
}

/// What the refusal says.
std::string refusal(State& from, const std::string& url, const std::string& new_key = std::string(32, 'k')) {
  try {
    static_cast<void>(import(from, url, new_key));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

/// Tasks of every kind: one still runs, one has ended with its webhooks delivered, tried and held.
void live_a_little(State& state) {
  auto first = registration("running");
  first.registration.given = {{"metadata", R"({"order":7})"}};
  first.registration.metadata = R"({"order":7})";
  first.registration.webhooks = {url("https://93.184.216.34/hook", "whsec_c2VjcmV0")};
  REQUIRE(state.commit(first).code == Code::done);
  state.commit(running("running", 40));
  for (const std::string id : {"delivered", "tried", "held"}) state.commit(registration(id));
  deliver(state, state.commit(success("delivered")).deliveries.at(0));
  change::Delivery tried;
  tried.no = state.commit(success("tried")).deliveries.at(0).no;
  tried.attempts = 1;
  tried.due = kNoon + 1h;
  tried.result = SendResult{};
  tried.result->http_status = 503;
  tried.result->answer = std::string("odd \xff bytes\0 here", 16);
  state.commit(tried);
  change::Delivery held;
  held.no = state.commit(success("held")).deliveries.at(0).no;
  held.state = DeliveryState::held;
  held.reason = "disabled";
  state.commit(held);
}

}  // namespace

TEST_CASE("a moved list is the same in every number, word and byte") {
  auto from = single();
  live_a_little(from);
  const auto tasks = from.tasks();
  const auto events = from.events().events;
  const auto deliveries = from.deliveries();
  const auto url = Server::instance().new_list();
  std::vector<std::string> told;
  const auto report = import(from, url, std::string(32, 'k'), &told);
  CHECK(report.tasks == static_cast<std::int64_t>(tasks.size()));
  CHECK(report.events == static_cast<std::int64_t>(events.size()));
  CHECK(report.deliveries == static_cast<std::int64_t>(deliveries.size()));
  CHECK(told.front() == "tasks");

  auto to = shared(url);
  to.reopen();
  const auto tasks_there = to.tasks();
  REQUIRE(tasks_there.size() == tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    CHECK(tasks_there[i].record.key == tasks[i].record.key);
    CHECK(tasks_there[i].record.phase == tasks[i].record.phase);
    CHECK(tasks_there[i].record.digest == tasks[i].record.digest);
    CHECK(tasks_there[i].metadata == tasks[i].metadata);
    CHECK(tasks_there[i].object == tasks[i].object);
  }
  const auto events_there = to.events().events;
  REQUIRE(events_there.size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    CHECK(events_there[i].no == events[i].no);
    CHECK(events_there[i].webhook_id == events[i].webhook_id);
    CHECK(*events_there[i].body == *events[i].body);
  }
  const auto deliveries_there = to.deliveries();
  REQUIRE(deliveries_there.size() == deliveries.size());
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    CHECK(deliveries_there[i].record.no == deliveries[i].record.no);
    CHECK(deliveries_there[i].record.state == deliveries[i].record.state);
    CHECK(deliveries_there[i].record.attempts == deliveries[i].record.attempts);
    CHECK(deliveries_there[i].record.due == deliveries[i].record.due);
  }
}

TEST_CASE("a moved list goes on: numbers, secrets and what waits") {
  auto from = single();
  from.close();
  from.box_key = std::string(32, 'o');
  from.open();
  live_a_little(from);
  const auto last = from.events().events.back().no;
  const auto url = Server::instance().new_list();
  static_cast<void>(import(from, url));
  auto to = shared(url);
  to.reopen();
  CHECK(to.counts().done == 3);
  const auto ended = to.commit(success("running", kNoon + 2h));
  REQUIRE(ended.code == Code::done);
  CHECK(ended.events.front().no > last);
  std::optional<Outgoing> own;
  for (const auto& delivery : ended.deliveries) {
    auto outgoing = to.outgoing(delivery.no);
    REQUIRE(outgoing);
    if (outgoing->endpoint.empty()) own = std::move(outgoing);
  }
  REQUIRE(own);
  CHECK(own->target.secret == "whsec_c2VjcmV0");
  CHECK(to.commit(registration("new")).code == Code::done);
  CHECK(to.commit(registration("tried")).code == Code::existing);
}

TEST_CASE("a list is moved once, into an empty one that nobody works on, and never lives in two places") {
  auto from = single();
  from.commit(registration("a"));
  const auto url = Server::instance().new_list();
  {
    auto busy = shared(url);
    CHECK(refusal(from, url).find("stop all that share it") != std::string::npos);
  }
  from.open();  // nothing was moved: it is as alive as before
  static_cast<void>(import(from, url));
  CHECK_THROWS_WITH_AS(from.open(), doctest::Contains("was moved to PostgreSQL"), std::runtime_error);
  CHECK(refusal(from, url).find("not empty") != std::string::npos);
  CHECK(Server::instance().look(url, "SELECT count(*) FROM tasks") == 1);
}

TEST_CASE("what can't be moved whole is not moved at all") {
  auto from = single();
  live_a_little(from);
  const auto url = Server::instance().new_list();
  SUBCASE("a daemon still runs on it") {
    auto key = std::string(32, 'k');
    CHECK_THROWS_AS(static_cast<void>(import_sqlite(from.folder.path, webhooks::SecretBox(key),
                                                    {{url, ""}, webhooks::SecretBox(key)}, [](auto...) {})),
                    std::runtime_error);
  }
  SUBCASE("its secrets are of another key") {
    from.box_key = std::string(32, 'x');
    CHECK(refusal(from, url).find("secrets.key") != std::string::npos);
  }
  SUBCASE("its rows do not belong together") {
    from.look("DELETE FROM task_texts");
    CHECK(refusal(from, url).find("not sound") != std::string::npos);
  }
  SUBCASE("there is no such server") {
    CHECK(refusal(from, "postgresql://127.0.0.1:1/none").find("PostgreSQL says") != std::string::npos);
  }
  from.box_key = std::string(32, 'k');
  if (from.store == nullptr) from.open();
}

TEST_CASE("a move that fails in its last moment leaves the list alive in one place at most, and may be made again") {
  auto from = single();
  live_a_little(from);
  const auto url = Server::instance().new_list();
  shared(url).close();  // its tables are there
  const auto look = [&url](const std::string& sql) { return Server::instance().look(url, sql); };
  const auto refuse_at_commit = [&look](const std::string& how) {
    static_cast<void>(
        look("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + how + "; RETURN NULL; END $$"));
    static_cast<void>(
        look("CREATE CONSTRAINT TRIGGER late AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
             "FUNCTION refuse()"));
  };
  SUBCASE("refused: it goes on where it was") {
    refuse_at_commit("RAISE EXCEPTION 'too late'");
    CHECK(refusal(from, url).find("PostgreSQL says: too late") != std::string::npos);
    from.open();
    CHECK(from.counts().done == 3);
  }
  SUBCASE("cut off: it may have been moved, and goes on nowhere until that is known") {
    refuse_at_commit("PERFORM pg_terminate_backend(pg_backend_pid())");
    CHECK(refusal(from, url).find("PostgreSQL says") != std::string::npos);
    CHECK_THROWS_WITH_AS(from.open(), doctest::Contains("was moved to PostgreSQL"), std::runtime_error);
  }
  CHECK(look("SELECT count(*) FROM tasks") == 0);
  static_cast<void>(look("DROP TRIGGER late ON events"));
  static_cast<void>(look("DROP FUNCTION refuse"));
  CHECK(import(from, url).tasks == 4);
  CHECK(look("SELECT count(*) FROM tasks") == 4);
}

// A daemon that is out of touch with the database lets everything go, and takes up nothing it took before.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/postgres/postgres_store.hpp"
#include "tests/store/postgres/server.hpp"
#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// Nobody's any more: its daemon has ended.
void leave_a_task(const std::string& url) {
  State state(usual_rules(), [&url](const std::filesystem::path& folder) { return make_postgres_home(folder, url); });
  REQUIRE(state.commit(registration("t1")).code == Code::done);
}

template <typename Kind>
std::ptrdiff_t count(const std::vector<Event>& events) {
  return std::count_if(events.begin(), events.end(), [](const Event& e) { return std::holds_alternative<Kind>(e); });
}

/// Tries again and again; fails the test after 60 s.
template <typename Try>
void until(Try done) {
  for (const auto end = std::chrono::steady_clock::now() + 60s; !done();) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(5ms);
  }
}

}  // namespace

TEST_CASE("a task that was taken before all was let go is not taken up after it, but when it is taken again") {
  const std::string url = Server::instance().new_list();
  leave_a_task(url);
  Folder folder;
  asio::io_context io;
  PostgresStore store(
      io, {url, "", folder.path, "test", 3'000ms, usual_rules(), webhooks::SecretBox(std::string(32, 'k'))});
  std::vector<Event> told;
  store.adopt([&told](std::vector<Event> page) { std::move(page.begin(), page.end(), std::back_inserter(told)); });
  // It is taken, and the page that says so waits for a loop that does not come to it.
  until([&] {
    return Server::instance().look(url, "SELECT count(*) FROM tasks JOIN daemons ON daemons.no = holder") == 1;
  });
  postgres::Connection in_the_way({url, "", 60'000ms});
  in_the_way.run("BEGIN");
  in_the_way.run("LOCK TABLE daemons");
  std::vector<Event> let_go;
  until([&] { return !(let_go = store.lapsed()).empty(); });
  CHECK(count<event::Released>(let_go) == 1);
  io.poll();
  CHECK(count<event::Adopted>(told) == 0);
  in_the_way.run("ROLLBACK");
  until([&] {
    io.restart();
    io.poll();
    return count<event::Adopted>(told) == 1;
  });
}

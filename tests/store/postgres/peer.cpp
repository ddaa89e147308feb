#include "tests/store/postgres/peer.hpp"

#include <doctest/doctest.h>

#include <iterator>
#include <thread>

namespace mjwatchd::store::test {

Peer::Peer(const std::string& url, std::chrono::milliseconds lease, StoreRules rules)
    : state(std::move(rules),
            [&](const std::filesystem::path& folder) { return make_postgres_home(folder, url, lease); }) {
  state.store->adopt([this](std::vector<Event> page) {
    begun = begun || page.empty();
    if (on_told) on_told(page);
    std::move(page.begin(), page.end(), std::back_inserter(told));
  });
  state.run_until([&] { return begun; });
}

std::int64_t Peer::number() const {
  const auto sharing = state.store->sharing();
  for (const Member& one : sharing->members) {
    if (one.self) return one.number;
  }
  return 0;
}

void welcome(const std::string& url) {
  static_cast<void>(Server::instance().look(url, "UPDATE daemons SET counts_from = clock_timestamp()"));
}

void run_until(std::vector<Peer*> peers, const std::function<bool()>& stop) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!stop()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    for (Peer* peer : peers) {
      peer->state.io.restart();
      peer->state.io.run_one_for(5ms);
      peer->state.io.poll();
    }
  }
}

void until(const std::function<bool()>& done) {
  for (const auto end = std::chrono::steady_clock::now() + 60s; !done();) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(5ms);
  }
}

}  // namespace mjwatchd::store::test

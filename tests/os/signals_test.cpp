#include "daemon/os/signals.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>

using mjwatchd::os::Signals;

TEST_CASE("SIGHUP reloads as often as it comes, SIGTERM and SIGINT stop") {
  asio::io_context io;
  int stops = 0;
  int reloads = 0;
  Signals signals(
      io, [&](int) { ++stops; }, [&] { ++reloads; });
  const auto raised = [&](int signal, const int& count, int wanted) {
    REQUIRE(std::raise(signal) == 0);
    while (count < wanted && io.run_one_for(std::chrono::seconds(5)) > 0) {
    }
    CHECK(count == wanted);
  };
  raised(SIGHUP, reloads, 1);
  raised(SIGHUP, reloads, 2);
  raised(SIGTERM, stops, 1);
  raised(SIGINT, stops, 2);
  REQUIRE(std::raise(SIGPIPE) == 0);  // ignored, or this test would end here
  signals.cancel();
  CHECK(io.run_for(std::chrono::seconds(5)) >= 1);  // the loop has nothing left to wait for
}

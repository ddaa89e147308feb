#include "daemon/core/outbox_group.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd;
using namespace mjwatchd::outbox;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart{1h};

/// One server, and attempts that take no time.
struct Server {
  explicit Server(EndpointSettings limits = {8, 0}) : group(limits) {}

  void attempt(bool success, bool charged = true, bool slow_down = false) {
    REQUIRE(group.may_send_at(now, false) <= now);
    group.began(++last, now);
    group.ended({last, now, success, charged, slow_down}, now);
  }
  /// Goes on to the moment at which the next attempt may be made; answers how long that was.
  milliseconds wait() {
    const Time next = group.may_send_at(now, false);
    const milliseconds waited = next - now;
    now = next;
    return waited;
  }
  [[nodiscard]] bool open() const { return group.breaker() != "closed"; }

  SendGroup group;
  Time now = kStart;
  DeliveryNo last = 0;
};

}  // namespace

TEST_CASE("nine failures in a row leave the breaker closed, the tenth opens it") {
  Server server;
  for (int i = 0; i < 9; ++i) server.attempt(false);
  CHECK_FALSE(server.open());
  server.attempt(false);
  CHECK(server.open());
}

TEST_CASE("seven failures of ten within five minutes open the breaker, six do not") {
  for (const int failures : {6, 7}) {
    CAPTURE(failures);
    Server server;
    for (int i = 0; i < 10; ++i) {
      server.attempt(i < 10 - failures);
      server.now += 20s;
    }
    CHECK(server.open() == (failures == 7));
  }
}

TEST_CASE("a success opens nothing, whatever was before") {
  Server server;
  for (int i = 0; i < 9; ++i) server.attempt(false);
  server.attempt(true);  // nine of ten failed, and the last one did not
  CHECK_FALSE(server.open());
  server.attempt(false);
  CHECK(server.open());
}

TEST_CASE("failures of more than five minutes ago are forgotten") {
  Server server;
  for (int i = 0; i < 9; ++i) server.attempt(i < 2);  // two successes, then seven failures
  server.now += 6min;
  server.attempt(true);
  server.attempt(false);
  CHECK_FALSE(server.open());
}

TEST_CASE("an open breaker waits 30 seconds, doubling to half an hour, each time for one probe") {
  Server server;
  for (int i = 0; i < 10; ++i) server.attempt(false);
  for (const milliseconds wanted : {30s, 60s, 120s, 240s, 480s, 960s, 1800s, 1800s}) {
    CHECK(server.wait() == wanted);
    server.group.began(++server.last, server.now);
    CHECK(server.group.breaker() == "probing");
    CHECK(server.group.may_send_at(server.now, false) == kNever);
    server.group.ended({server.last, server.now, false, true, false}, server.now);
  }
  server.wait();
  server.attempt(true);
  CHECK_FALSE(server.open());
  CHECK(server.wait() == 0ms);
  for (int i = 0; i < 10; ++i) server.attempt(false);
  CHECK(server.wait() == 30s);  // from the beginning again
}

TEST_CASE("what is not charged neither opens nor closes the breaker") {
  Server server;
  for (int i = 0; i < 30; ++i) server.attempt(false, false);
  CHECK_FALSE(server.open());
  for (int i = 0; i < 10; ++i) server.attempt(false);
  server.wait();
  server.attempt(false, false);
  CHECK(server.open());
  CHECK(server.wait() == 0ms);  // the next probe may go at once
}

TEST_CASE("an overloaded server gets half as much, once for all that was under way, and it grows back") {
  Server server;
  const auto room = [&] {
    std::uint32_t count = 0;
    std::vector<DeliveryNo> begun;
    while (server.group.may_send_at(server.now, false) <= server.now) {
      server.group.began(++server.last, server.now);
      begun.push_back(server.last);
      ++count;
    }
    for (const DeliveryNo no : begun) server.group.ended({no, server.now, false, false, false}, server.now);
    return count;
  };
  CHECK(room() == 8);
  for (DeliveryNo no = 101; no <= 108; ++no) server.group.began(no, server.now);
  server.now += 1s;
  for (DeliveryNo no = 101; no <= 108; ++no) {
    server.group.ended({no, server.now - 1s, false, true, true}, server.now);
  }
  server.now += 1s;
  CHECK(room() == 4);
  for (int i = 0; i < 4 + 5 + 6 + 7; ++i) server.attempt(true);
  CHECK(room() == 8);
}

TEST_CASE("a pause is never shortened by another") {
  Server server;
  server.group.pause_until(server.now + 1h);
  server.group.pause_until(server.now + 1min);
  CHECK(server.wait() == 1h);
}

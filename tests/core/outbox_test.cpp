#include <set>

#include "tests/core/desk.hpp"

using namespace mjwatchd;

TEST_CASE("a delivery goes at once, and a 2xx ends it even when reading the answer failed") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1});
  desk.answer(1, 204, SendFault::broken);
  REQUIRE(desk.recorded.size() == 1);
  CHECK(desk.recorded[0].state == DeliveryState::delivered);
  CHECK(desk.recorded[0].attempts == 1);
  CHECK(desk.outbox->pending() == 0);
  CHECK(desk.outbox->next_wakeup() == kNever);
}

TEST_CASE("failures climb the ladder with at most 20 % jitter, then the delivery is dead") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  for (const milliseconds rung : desk.settings.retry) {
    desk.answer(1, 500);
    CHECK(desk.recorded.back().state == DeliveryState::pending);
    const auto waited = desk.until_sent(1h);
    CHECK(waited >= rung);
    CHECK(waited <= rung + rung / 5);
  }
  CHECK(desk.sends.size() == 5);
  desk.answer(1, 404);
  CHECK(desk.recorded.back().state == DeliveryState::dead);
  CHECK(desk.recorded.back().attempts == 5);
  CHECK(desk.outbox->pending() == 0);
}

TEST_CASE("an invalid request is dead at once, a refused address after three attempts") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.adopt(Desk::delivery(2, 2));
  desk.step();
  desk.answer(1, 0, SendFault::invalid);
  CHECK(desk.recorded.back().state == DeliveryState::dead);
  for (int i = 0; i < 2; ++i) {
    desk.answer(2, 0, SendFault::refused_address);
    CHECK(desk.recorded.back().state == DeliveryState::pending);
    desk.until_sent(1h);
  }
  desk.answer(2, 0, SendFault::refused_address);
  CHECK(desk.recorded.back().state == DeliveryState::dead);
}

TEST_CASE("a fault of our proxy and our own cancelling are not attempts") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.answer(1, 0, SendFault::proxy);
  REQUIRE(desk.warnings.size() == 1);
  CHECK(desk.warnings[0].endpoint == "app");
  CHECK(desk.until_sent(1min) == 30s);
  desk.answer(1, 0, SendFault::cancelled);
  CHECK(desk.recorded.empty());
  desk.until_sent(1min);
  desk.answer(1, 200);
  CHECK(desk.recorded.back().attempts == 1);
}

TEST_CASE("Retry-After pauses the whole group, at most a day") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.answer(1, 400, SendFault::none, 48h);
  desk.adopt(Desk::delivery(2, 2));
  desk.adopt(Desk::delivery(3, 3, EventType::succeeded, "other"));
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 3});
  CHECK(desk.until_sent(30h) == 24h);
}

TEST_CASE("an overloaded server is left alone for a minute and gets half as much at a time") {
  Desk desk;
  desk.open();
  for (DeliveryNo no = 1; no <= 40; ++no) desk.adopt(Desk::delivery(no, no));
  desk.step();
  CHECK(desk.sends.size() == 8);
  for (DeliveryNo no = 1; no <= 8; ++no) {
    if (no <= 6) desk.answer(no, 200);
    if (no == 6) CHECK(desk.outbox->in_flight() == 8);
    if (no > 6) desk.answer(no, 429);
  }
  CHECK(desk.recorded.back().due - desk.now.wall >= 60s);
  const auto before = desk.sends.size();
  for (DeliveryNo no = 9; no <= 12; ++no) desk.answer(no, 200);
  CHECK(desk.outbox->in_flight() <= 5);
  CHECK(desk.sends.size() > before - 1);
}

TEST_CASE("410 disables the receiver and holds its deliveries") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.adopt(Desk::delivery(2, 1));
  desk.answer(1, 410);
  REQUIRE(desk.receivers.size() == 1);
  CHECK(desk.receivers[0].name == "app");
  CHECK(desk.receivers[0].disabled);
  CHECK(desk.recorded.back().state == DeliveryState::held);
  CHECK(desk.outbox->pending() == 0);
  CHECK(desk.outbox->receivers()[0].held == 2);
  CHECK(desk.sends.size() == 1);

  SUBCASE("and what comes later is held too") {
    desk.adopt(Desk::delivery(3, 3));
    desk.step();
    CHECK(desk.recorded.back().no == 3);
    CHECK(desk.recorded.back().state == DeliveryState::held);
  }
  SUBCASE("until it is enabled, whichever is heard first") {
    desk.adopt(Desk::delivery(1, 1));
    Actions out;
    desk.outbox->receiver("app", false, desk.now, out);
    desk.take(out);
    desk.step();
    CHECK(desk.sends == std::vector<DeliveryNo>{1, 1});
  }
}

TEST_CASE("the next event of a task waits for its predecessor's end to be committed") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1, EventType::modal));
  desk.adopt(Desk::delivery(2, 1, EventType::succeeded));
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1});
  desk.commits = false;
  desk.answer(1, 200);
  CHECK(desk.sends.size() == 1);
  desk.commit();
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 2});
}

TEST_CASE("a commit that failed is asked for again") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.code = CommitResult::Code::failed;
  desk.answer(1, 200);
  CHECK(desk.outbox->pending() == 1);
  CHECK(desk.outbox->next_wakeup() == desk.now.steady + 1s);
  desk.code = CommitResult::Code::done;
  desk.pass(1s);
  CHECK(desk.recorded.size() == 2);
  CHECK(desk.outbox->pending() == 0);
  CHECK(desk.sends.size() == 1);
}

TEST_CASE("a final event overtakes started, progress and stalled, also one that fails in flight") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1, EventType::started));
  desk.step();
  desk.adopt(Desk::delivery(2, 1, EventType::progress));
  desk.adopt(Desk::delivery(3, 1, EventType::modal));
  desk.adopt(Desk::delivery(4, 1, EventType::succeeded));
  desk.step();
  REQUIRE(desk.recorded.size() == 1);
  CHECK(desk.recorded[0].no == 2);
  CHECK(desk.recorded[0].state == DeliveryState::superseded);
  desk.answer(1, 500);
  CHECK(desk.recorded.back().state == DeliveryState::superseded);
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 3});
  desk.answer(3, 200);
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 3, 4});
}

TEST_CASE("ten failures in a row open the breaker, one probe closes it, and waiting costs no attempt") {
  Desk desk;
  desk.settings.endpoints["app"].max_in_flight = 10;
  desk.open();
  for (DeliveryNo no = 1; no <= 11; ++no) desk.adopt(Desk::delivery(no, no));
  desk.step();
  for (DeliveryNo no = 1; no <= 10; ++no) desk.answer(no, 0, SendFault::connect);
  CHECK(desk.outbox->receivers()[0].breaker == "open");
  // The eleventh started when the first had failed, before the breaker opened.
  desk.answer(11, 0, SendFault::connect);
  const auto before = desk.sends.size();
  CHECK(desk.until_sent(1h) == 30s);
  CHECK(desk.sends.size() == before + 1);
  CHECK(desk.outbox->receivers()[0].breaker == "probing");
  desk.answer(desk.sends.back(), 503);
  CHECK(desk.until_sent(1h) == 60s);
  CHECK(desk.sends.size() == before + 2);
  desk.answer(desk.sends.back(), 200);
  CHECK(desk.outbox->receivers()[0].breaker == "closed");
}

TEST_CASE("groups take turns, and a slow one delays nobody") {
  Desk desk;
  desk.settings.max_in_flight = 6;
  desk.settings.endpoints["app"].max_in_flight = 100;
  desk.open();
  for (DeliveryNo no = 1; no <= 50; ++no) desk.adopt(Desk::delivery(no, no));
  for (DeliveryNo no = 51; no <= 60; ++no) desk.adopt(Desk::delivery(no, no, EventType::succeeded, "other"));
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 51, 2, 52, 3, 53});
}

TEST_CASE("max_per_second spreads what is sent") {
  Desk desk;
  desk.settings.endpoints["app"].max_per_second = 2;
  desk.open();
  for (DeliveryNo no = 1; no <= 6; ++no) desk.adopt(Desk::delivery(no, no));
  desk.step();
  CHECK(desk.sends.size() == 2);
  desk.pass(500ms);
  CHECK(desk.sends.size() == 3);
  desk.pass(1s);
  CHECK(desk.sends.size() == 5);
}

TEST_CASE("deliveries to an endpoint that is not configured are held, and freed when it comes back") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1, EventType::succeeded, "gone"));
  desk.adopt(Desk::delivery(2, 2, EventType::succeeded, "url:abc"));
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{2});
  REQUIRE(desk.recorded.size() == 1);
  CHECK(desk.recorded[0].state == DeliveryState::held);
  desk.settings.endpoints["gone"] = {};
  Actions out;
  desk.outbox->reconfigure(desk.settings, desk.now, out);
  desk.take(out);
  desk.step();
  REQUIRE(desk.receivers.size() == 1);
  CHECK_FALSE(desk.receivers[0].disabled);
}

TEST_CASE("whatever is answered, each delivery ends once and nothing of a task overlaps") {
  Desk desk;
  desk.settings.retry = {5s, 30s};
  desk.open();
  std::uint64_t dice = 42;
  const auto roll = [&dice](std::uint64_t sides) {
    dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (dice >> 33U) % sides;
  };
  constexpr int kStatuses[] = {200, 200, 200, 500, 503, 404};
  for (DeliveryNo no = 1; no <= 600; ++no) {
    const auto type = roll(4) == 0 ? EventType::succeeded : EventType::progress;
    desk.adopt(Desk::delivery(no, static_cast<TaskNo>(roll(100)) + 1, type, roll(2) == 0 ? "app" : "url:x"));
  }
  std::size_t answered = 0;
  for (int round = 0; round < 20000 && desk.outbox->pending() != 0; ++round) {
    desk.code = roll(10) == 0 ? CommitResult::Code::failed : CommitResult::Code::done;
    CHECK(desk.outbox->in_flight() <= 16);
    if (answered < desk.sends.size()) {
      desk.answer(desk.sends[answered++], kStatuses[roll(6)]);
    } else {
      REQUIRE(desk.outbox->next_wakeup() != kNever);
      desk.pass(std::max(desk.outbox->next_wakeup() - desk.now.steady, 0ms));
    }
  }
  CHECK(desk.outbox->pending() == 0);
  CHECK(desk.outbox->in_flight() == 0);
}

TEST_CASE("a receiver's deliveries go the oldest first, also those that waited for another of their task") {
  Desk desk;
  desk.settings.endpoints["app"].max_in_flight = 1;
  desk.open();
  // Two of each task, side by side: the second may go when the first is delivered.
  for (DeliveryNo no = 1; no <= 40; ++no) desk.adopt(Desk::delivery(no, (no + 1) / 2, EventType::images));
  desk.step();
  for (DeliveryNo no = 1; no <= 40; ++no) desk.answer(desk.sends.back(), 200);
  CHECK(desk.sends.size() == 40);
  CHECK(std::is_sorted(desk.sends.begin(), desk.sends.end()));
}

TEST_CASE("a retry whose time has come goes before what is younger, and a test before everything") {
  Desk desk;
  desk.settings.endpoints["app"].max_in_flight = 1;
  desk.open();
  for (DeliveryNo no = 1; no <= 5; ++no) desk.adopt(Desk::delivery(no, no));
  desk.step();
  desk.answer(1, 500);
  desk.pass(10s);
  desk.answer(2, 200);
  desk.adopt(Desk::delivery(6, 0, EventType::test));
  desk.answer(1, 200);
  desk.answer(6, 200);
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 2, 1, 6, 3});
}

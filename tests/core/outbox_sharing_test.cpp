#include "tests/core/desk.hpp"

using namespace mjwatchd;

namespace {
using Sends = std::vector<DeliveryNo>;

DeliveryRecord third_try(DeliveryNo no, TaskNo task) {
  DeliveryRecord record = Desk::delivery(no, task);
  record.attempts = 2;
  return record;
}
}  // namespace

TEST_CASE("a released task takes its deliveries along, to every receiver, and no other's") {
  Desk desk;
  desk.settings.endpoints["app"].max_in_flight = 1;
  desk.open();
  desk.adopt(Desk::delivery(1, 9));  // in flight: the others wait for it
  desk.step();
  for (DeliveryNo no = 2; no <= 4; ++no) desk.adopt(Desk::delivery(no, 5, EventType::modal));
  desk.adopt(Desk::delivery(5, 5, EventType::modal, "url:far"));
  desk.adopt(Desk::delivery(6, 6));
  desk.release(5);
  CHECK(desk.outbox->pending() == 2);
  desk.answer(1, 200);
  CHECK(desk.sends == Sends{1, 6});
  desk.answer(6, 200);
  CHECK(desk.recorded.size() == 2);
  CHECK(desk.outbox->pending() == 0);
  CHECK(desk.outbox->next_wakeup() == kNever);
}

TEST_CASE("what waits for its next try, or for its receiver, leaves with its task too") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.answer(1, 500);
  desk.receiver("other", true);
  desk.commits = false;
  desk.adopt(Desk::delivery(2, 2, EventType::succeeded, "other"));
  desk.outbox->release(1, desk.now);
  desk.outbox->release(2, desk.now);
  CHECK(desk.outbox->pending() == 0);
  desk.pass(1h);
  CHECK(desk.sends == Sends{1});
  CHECK(desk.uncommitted.empty());
}

TEST_CASE("nothing is recorded of an attempt whose task was released while it was on its way") {
  Desk desk;
  desk.settings.endpoints["app"].max_in_flight = 1;
  desk.open();
  desk.adopt(Desk::delivery(1, 1, EventType::modal));
  desk.adopt(Desk::delivery(2, 1));
  desk.step();
  desk.release(1);
  CHECK(desk.outbox->in_flight() == 1);  // its server still counts it
  desk.adopt(Desk::delivery(3, 3));
  desk.step();
  CHECK(desk.sends == Sends{1});
  desk.answer(1, 200);
  CHECK(desk.recorded.empty());
  CHECK(desk.sends == Sends{1, 3});
  CHECK(desk.outbox->receivers()[0].pending == 1);
}

TEST_CASE("an attempt that was on its way while its task went and came back counts, and keeps its place") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1, EventType::modal));
  desk.step();
  desk.release(1);
  desk.adopt([] {
    DeliveryRecord record = third_try(1, 1);
    record.type = EventType::modal;
    return record;
  }());
  desk.adopt(Desk::delivery(2, 1));
  desk.step();
  CHECK(desk.sends == Sends{1});
  desk.answer(1, 200);
  REQUIRE(desk.recorded.size() == 1);
  CHECK(desk.recorded[0].state == DeliveryState::delivered);
  CHECK(desk.recorded[0].attempts == 3);
  CHECK(desk.sends == Sends{1, 2});
}

TEST_CASE("the next of a task that came back waits for what was on its way when it went") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1, EventType::modal));
  desk.step();
  desk.release(1);
  desk.adopt(Desk::delivery(2, 1));  // the first was delivered by the other daemon
  desk.step();
  CHECK(desk.sends == Sends{1});
  desk.answer(1, 500);
  CHECK(desk.recorded.empty());
  CHECK(desk.sends == Sends{1, 2});
}

TEST_CASE("a record that was being written while its task went is not written again") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.commits = false;
  desk.answer(1, 200);
  REQUIRE(desk.uncommitted.size() == 1);
  desk.code = CommitResult::Code::failed;

  SUBCASE("when the task went before the disk failed") {
    desk.release(1);
    desk.commit();
    CHECK(desk.outbox->pending() == 0);
  }
  SUBCASE("when the task went between two tries") {
    desk.commit();
    desk.release(1);
    desk.pass(1min);
    CHECK(desk.outbox->pending() == 0);
  }
  CHECK(desk.uncommitted.empty());
  CHECK(desk.outbox->next_wakeup() == kNever);
}

TEST_CASE("of a task that came back while an old record of it was being written, the store's word holds") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.commits = false;
  desk.answer(1, 500);
  desk.release(1);
  desk.adopt(third_try(1, 1));
  desk.code = CommitResult::Code::missing;  // this daemon did not hold it then
  desk.commit();
  desk.code = CommitResult::Code::done;
  desk.pass(1h);
  CHECK(desk.sends == Sends{1, 1});
  desk.answer(1, 200);
  desk.commit();
  CHECK(desk.recorded.back().attempts == 3);
  CHECK(desk.outbox->pending() == 0);
}

TEST_CASE("a task may go while it is back and on its way") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.release(1);
  desk.adopt(Desk::delivery(1, 1));
  desk.release(1);
  desk.answer(1, 200);
  CHECK(desk.recorded.empty());
  CHECK(desk.outbox->pending() == 0);
}

TEST_CASE("a delivery of no task is released by its number") {
  Desk desk;
  desk.settings.endpoints["app"].max_in_flight = 1;
  desk.open();
  desk.adopt(Desk::delivery(1, 0, EventType::test));
  desk.adopt(Desk::delivery(2, 0, EventType::test));
  desk.step();
  desk.release(0);  // that is no task
  desk.release_delivery(2);
  desk.release_delivery(77);
  desk.answer(1, 200);
  CHECK(desk.sends == Sends{1});
  CHECK(desk.recorded.size() == 1);
  CHECK(desk.outbox->pending() == 0);
}

TEST_CASE("daemons divide an endpoint's rate between them") {
  Desk desk;
  desk.settings.endpoints["app"].max_per_second = 6;
  desk.settings.endpoints["app"].max_in_flight = 1000;
  desk.open();
  for (DeliveryNo no = 1; no <= 500; ++no) desk.adopt(Desk::delivery(no, no));
  desk.share(3);
  CHECK(desk.sends.size() == 2);
  for (int i = 0; i < 100; ++i) desk.pass(100ms);
  CHECK(desk.sends.size() == 22);
  desk.share(1);
  for (int i = 0; i < 100; ++i) desk.pass(100ms);
  CHECK(desk.sends.size() >= 81);
  CHECK(desk.sends.size() <= 83);
}

TEST_CASE("a newcomer sends to an endpoint that has a rate only when the others count on it") {
  Desk desk;
  desk.settings.endpoints["app"].max_per_second = 30;
  desk.open();
  desk.share(0);
  for (DeliveryNo no = 1; no <= 40; ++no) desk.adopt(Desk::delivery(no, no));
  desk.adopt(Desk::delivery(100, 100, EventType::succeeded, "other"));
  desk.pass(15s);
  CHECK(desk.sends == Sends{100});  // that has no rate to share
  desk.share(3);
  CHECK(desk.sends == Sends{100});  // and nothing was saved up meanwhile
  desk.pass(100ms);
  CHECK(desk.sends == Sends{100, 1});
}

TEST_CASE("an endpoint that another daemon's people disable and enable follows here") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.answer(1, 500);
  desk.receiver("app", true);
  CHECK(desk.outbox->pending() == 0);  // the store has held it
  desk.pass(1h);
  CHECK(desk.sends == Sends{1});
  desk.receiver("app", false);
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  CHECK(desk.sends == Sends{1, 1});
  CHECK(desk.receivers.empty());  // none of it was our wish
}

// Deliveries that are held, and come back.
#include "daemon/core/outbox_policy.hpp"
#include "tests/core/desk.hpp"

using namespace mjwatchd;

namespace {

/// A delivery of task 1 to "gone", which is not configured yet.
DeliveryRecord to_gone(DeliveryNo no, DeliveryState state = DeliveryState::pending) {
  DeliveryRecord record = Desk::delivery(no, 1, EventType::modal, "gone");
  record.state = state;
  return record;
}

}  // namespace

TEST_CASE("what was held goes before what follows it, also while it is being freed") {
  Desk desk;
  desk.open();
  desk.adopt(to_gone(1, DeliveryState::held));
  desk.settings.endpoints["gone"] = {};
  desk.reconfigure();
  desk.commits = false;
  desk.step();
  desk.adopt(to_gone(2));
  desk.step();
  CHECK(desk.sends.empty());
  SUBCASE("freed at once") {}
  SUBCASE("freed when the disk is well again") {
    desk.code = CommitResult::Code::failed;
    desk.commit();
    desk.step();
    CHECK(desk.sends.empty());
    desk.code = CommitResult::Code::done;
    desk.pass(1s);
  }
  desk.freed = {to_gone(1)};
  desk.commit();
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1});
  desk.commits = true;
  desk.answer(1, 200);
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 2});
}

TEST_CASE("a delivery held just as somebody enables its receiver is freed") {
  Desk desk;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.receiver("app", true);
  desk.commits = false;
  desk.answer(1, 500);
  REQUIRE(desk.uncommitted.size() == 1);
  desk.receiver("app", false);
  desk.commit();  // the store held it after it had freed the others
  REQUIRE(desk.recorded.back().state == DeliveryState::held);
  desk.step();
  desk.freed = {Desk::delivery(1, 1)};
  desk.commit();
  REQUIRE(desk.receivers.size() == 1);
  CHECK_FALSE(desk.receivers[0].disabled);
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1, 1});
}

TEST_CASE("who disables a receiver while its held deliveries are being freed has the last word") {
  Desk desk;
  desk.open();
  desk.adopt(to_gone(1, DeliveryState::held));
  desk.settings.endpoints["gone"] = {};
  desk.reconfigure();
  desk.commits = false;
  desk.step();
  desk.receiver("gone", true);  // committed before ours
  desk.freed = {to_gone(1)};
  desk.commit();
  desk.commits = true;
  desk.step();
  desk.commit();
  desk.step();
  CHECK(desk.sends.empty());
  CHECK(desk.receivers.back().disabled);
  CHECK(desk.recorded.back().state == DeliveryState::held);
}

TEST_CASE("one that was never tried waits for nothing, though the clock was set back meanwhile") {
  Desk desk;
  desk.open();
  DeliveryRecord fresh = Desk::delivery(1, 1);
  fresh.due = desk.now.wall + 3min;
  desk.adopt(fresh);
  DeliveryRecord tried = Desk::delivery(2, 2);
  tried.due = desk.now.wall + 1000h;
  tried.attempts = 1;
  desk.adopt(tried);
  desk.step();
  CHECK(desk.sends == std::vector<DeliveryNo>{1});
  desk.answer(1, 200);
  CHECK(desk.until_sent(1000h) <= 25h);
}

TEST_CASE("a clock that was set back since an attempt makes its delivery wait no longer than it was to wait") {
  const Now now = Desk().now;
  DeliveryRecord tried = Desk::delivery(1, 1);
  tried.attempts = 2;
  tried.tried_at = now.wall + 3h;  // by the clock of then
  tried.due = now.wall + 3h + 30s;
  CHECK(outbox::due(tried, now) == now.steady + 30s);
  tried.tried_at = now.wall - 20s;
  tried.due = now.wall + 10s;
  CHECK(outbox::due(tried, now) == now.steady + 10s);
  tried.tried_at = now.wall - 2h;  // set forth, or stopped meanwhile
  tried.due = now.wall - 1h;
  CHECK(outbox::due(tried, now) <= now.steady);
  tried.tried_at = now.wall + 1h;  // set back while it was tried
  tried.due = now.wall + 30s;
  CHECK(outbox::due(tried, now) == now.steady + 30s);
  tried.tried_at = now.wall - 1h;  // a step of three days is no mistake
  tried.due = now.wall + 71h;
  CHECK(outbox::due(tried, now) == now.steady + 71h);
  tried.tried_at = WallTime::min();  // of a damaged row
  tried.due = WallTime::max();
  CHECK(outbox::due(tried, now) <= now.steady + 25h);
}

TEST_CASE("after its stop an outbox sends nothing, and still writes down what was done") {
  Desk desk;
  desk.settings.endpoints["app"].max_in_flight = 1;
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.adopt(Desk::delivery(2, 2));
  desk.step();
  desk.outbox->stop();
  desk.code = CommitResult::Code::failed;
  desk.answer(1, 200);
  desk.code = CommitResult::Code::done;
  CHECK(desk.outbox->next_wakeup() == desk.now.steady + 1s);
  desk.pass(1s);
  CHECK(desk.recorded.back().state == DeliveryState::delivered);
  desk.pass(24h);
  CHECK(desk.sends == std::vector<DeliveryNo>{1});
  CHECK(desk.outbox->next_wakeup() == kNever);
}

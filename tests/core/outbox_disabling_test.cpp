// Receivers that fail for long: what is put on record of them, and when they are disabled.
#include "tests/core/desk.hpp"

using namespace mjwatchd;

TEST_CASE("a receiver without a success for 120 hours is disabled, after a warning") {
  Desk desk;
  desk.settings.retry.assign(100, milliseconds(5h));
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  while (desk.receivers.empty() && desk.sends.size() < 100) {
    desk.answer(1, 500);
    desk.until_sent(30h);
  }
  REQUIRE(desk.receivers.size() == 1);
  CHECK(desk.receivers[0].disabled);
  REQUIRE(desk.warnings.size() == 2);
  CHECK(desk.warnings[0].text.find("will be disabled") != std::string::npos);
  for (const auto& warning : desk.warnings) CHECK(warning.endpoint == "app");
  CHECK(desk.recorded.back().state == DeliveryState::held);
}

TEST_CASE("since when an endpoint fails is put on record once it counts, and struck off by a success") {
  Desk desk;
  desk.settings.retry.assign(100, milliseconds(1min));
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  const WallTime began = desk.now.wall;
  while (desk.sends.size() < 9) {
    desk.answer(1, 500);
    desk.until_sent(30h);
  }
  CHECK(desk.failing.empty());  // it only stumbles
  while (desk.sends.size() < 15) {
    desk.answer(1, 500);
    desk.until_sent(30h);
  }
  REQUIRE(desk.failing.size() == 1);
  CHECK(desk.failing[0].endpoint == "app");
  CHECK(desk.failing[0].since == began);
  desk.answer(1, 200);
  REQUIRE(desk.failing.size() == 2);
  CHECK_FALSE(desk.failing[1].since);
}

TEST_CASE("an endpoint that failed before a restart is disabled 120 hours after its first failure") {
  Desk desk;
  desk.open();
  desk.adopt_failing("app", desk.now.wall - 119h);
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.answer(1, 500);
  REQUIRE(desk.warnings.size() == 1);
  CHECK(desk.warnings[0].text.find("no success for 119 h") != std::string::npos);
  CHECK(desk.receivers.empty());
  desk.pass(1h);
  desk.answer(1, 500);
  REQUIRE(desk.receivers.size() == 1);
  CHECK(desk.receivers[0].disabled);
  CHECK(desk.failing.empty());  // it is on record already
}

TEST_CASE("a clock that was set back disables no endpoint early, and a success forgets what was on record") {
  Desk desk;
  desk.open();
  desk.adopt_failing("app", desk.now.wall + 200h);
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  desk.answer(1, 500);
  CHECK(desk.receivers.empty());
  CHECK(desk.warnings.empty());
  desk.until_sent(1h);
  desk.answer(1, 200);
  REQUIRE(desk.failing.size() == 1);
  CHECK_FALSE(desk.failing[0].since);
}

TEST_CASE("an endpoint that left the configuration, now or while nobody looked, begins anew when it is back") {
  Desk desk;
  desk.open();
  desk.adopt_failing("app", desk.now.wall - 119h);
  desk.adopt_failing("gone", desk.now.wall - 119h);
  REQUIRE(desk.failing.size() == 1);
  CHECK(desk.failing[0].endpoint == "gone");
  CHECK_FALSE(desk.failing[0].since);
  desk.settings.endpoints.erase("app");
  desk.reconfigure();
  REQUIRE(desk.failing.size() == 2);
  CHECK(desk.failing[1].endpoint == "app");
  CHECK_FALSE(desk.failing[1].since);
}

TEST_CASE("what could not be put on record is put there at the next failure") {
  Desk desk;
  desk.settings.retry.assign(100, milliseconds(1min));
  desk.open();
  desk.adopt(Desk::delivery(1, 1));
  desk.step();
  while (desk.sends.size() < 10) {
    desk.answer(1, 500);
    desk.until_sent(30h);
  }
  desk.code = CommitResult::Code::failed;
  desk.answer(1, 500);
  CHECK(desk.failing.size() == 1);
  desk.code = CommitResult::Code::done;
  desk.until_sent(30h);
  desk.answer(1, 500);
  CHECK(desk.failing.size() == 2);
}

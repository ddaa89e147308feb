#include <map>

#include "tests/core/desk.hpp"

using namespace mjwatchd;

TEST_CASE("512 attempts are under way in all, taken from the endpoints in turn") {
  Desk desk;
  for (int i = 0; i < 100; ++i) desk.settings.endpoints["e" + std::to_string(i)] = {8, 0};
  desk.open();
  std::map<DeliveryNo, std::string> endpoint_of;
  for (DeliveryNo no = 1; no <= 1000; ++no) {
    endpoint_of[no] = "e" + std::to_string((no - 1) / 10);  // ten for the first, ten for the second, …
    desk.adopt(Desk::delivery(no, no, EventType::succeeded, endpoint_of[no]));
  }
  desk.step();
  REQUIRE(desk.sends.size() == 512);
  std::map<std::string, int> under_way;
  for (const DeliveryNo no : desk.sends) ++under_way[endpoint_of[no]];
  CHECK(under_way.size() == 100);
  for (const auto& [endpoint, count] : under_way) CHECK((count == 5 || count == 6));
  CHECK(desk.outbox->in_flight() == 512);
}

TEST_CASE("an attempt counts as under way until its record is on disk") {
  Desk desk;
  desk.settings.max_in_flight = 4;
  desk.open();
  for (DeliveryNo no = 1; no <= 6; ++no) desk.adopt(Desk::delivery(no, no));
  desk.step();
  CHECK(desk.sends.size() == 4);
  desk.commits = false;
  desk.answer(1, 200);
  CHECK(desk.sends.size() == 4);
  desk.commit();
  desk.step();
  CHECK(desk.sends.size() == 5);
}

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

TEST_CASE("a disk that is slow to sync holds up no network, up to a bound") {
  Desk desk;
  desk.settings.max_in_flight = 4;
  desk.open();
  desk.commits = false;
  for (DeliveryNo no = 1; no <= 6000; ++no) desk.adopt(Desk::delivery(no, no));
  desk.step();
  CHECK(desk.outbox->in_flight() == 4);
  for (std::size_t answered = 0; answered < desk.sends.size(); ++answered) desk.answer(desk.sends[answered], 200);
  CHECK(desk.sends.size() >= 4096);
  CHECK(desk.sends.size() <= 4096 + 4);
  CHECK(desk.outbox->in_flight() == 0);
  desk.commits = true;
  desk.commit();
  desk.step();
  CHECK(desk.outbox->in_flight() == 4);
}

#include <algorithm>
#include <map>
#include <string>

#include "tests/core/desk.hpp"

using namespace mjwatchd;

TEST_CASE("512 attempts are under way in all at most, taken from the endpoints in turn") {
  Desk desk;
  for (int i = 0; i < 100; ++i) desk.settings.endpoints["e" + std::to_string(i)] = {8, 0};
  desk.open();
  std::map<DeliveryNo, std::string> endpoint_of;
  for (DeliveryNo no = 1; no <= 1000; ++no) {
    endpoint_of[no] = "e" + std::to_string((no - 1) / 10);  // ten for the first, ten for the second, …
    desk.adopt(Desk::delivery(no, no, EventType::succeeded, endpoint_of[no]));
  }
  desk.step();
  REQUIRE(desk.sends.size() == 448);  // the rest is for those that have fewer
  std::map<std::string, int> under_way;
  for (const DeliveryNo no : desk.sends) ++under_way[endpoint_of[no]];
  CHECK(under_way.size() == 100);
  for (const auto& [endpoint, count] : under_way) CHECK((count == 4 || count == 5));
  CHECK(desk.outbox->in_flight() == 448);
}

TEST_CASE("servers that never answer leave places for the others, however much waits for them") {
  Desk desk;
  for (int i = 0; i < 90; ++i) desk.settings.endpoints["hole" + std::to_string(i)] = {8, 0};
  for (int i = 0; i < 40; ++i) desk.settings.endpoints["well" + std::to_string(i)] = {8, 0};
  desk.open();
  DeliveryNo last = 0;
  const auto send_to = [&](const std::string& endpoint, int count) {
    for (; count > 0; --count) {
      ++last;
      desk.adopt(Desk::delivery(last, last, EventType::succeeded, endpoint));
    }
  };
  for (int i = 0; i < 90; ++i) send_to("hole" + std::to_string(i), 20);
  desk.step();
  const std::size_t stuck = desk.sends.size();
  CHECK(stuck == 448);
  const DeliveryNo first = last + 1;
  for (int i = 0; i < 40; ++i) send_to("well" + std::to_string(i), 3);
  desk.step();
  CHECK(desk.sends.size() - stuck == 56);  // one each, then two while more than the last eight are left
  // Each answer makes room for another of theirs, and for no hole.
  for (std::size_t i = stuck; i < desk.sends.size(); ++i) desk.answer(desk.sends[i], 204);
  CHECK(desk.sends.size() == stuck + 120);
  CHECK(std::all_of(desk.sends.begin() + static_cast<std::ptrdiff_t>(stuck), desk.sends.end(),
                    [first](DeliveryNo no) { return no >= first; }));
  // Those go on where they were once one of them answers, and don't spin meanwhile.
  CHECK(desk.outbox->next_wakeup() > desk.now.steady);
  desk.answer(desk.sends[0], 204);
  CHECK(desk.sends.size() == stuck + 121);
}

TEST_CASE("one server gets all but the last eighth of the places") {
  Desk desk;
  desk.settings.endpoints["app"] = {1000, 0};
  desk.open();
  for (DeliveryNo no = 1; no <= 600; ++no) desk.adopt(Desk::delivery(no, no));
  desk.step();
  CHECK(desk.outbox->in_flight() == 448);
  desk.adopt(Desk::delivery(601, 601, EventType::succeeded, "other"));
  desk.step();
  CHECK(desk.sends.back() == 601);
  for (std::size_t i = 0; i < 100; ++i) desk.answer(desk.sends[i], 204);
  CHECK(desk.outbox->in_flight() == 448);
  CHECK(desk.sends.size() == 548);
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

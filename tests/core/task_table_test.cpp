#include "daemon/core/task_table.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "daemon/core/compact_id.hpp"

using namespace mjwatchd;

namespace {

TaskRecord record(const std::string& id) {
  TaskRecord record;
  record.key = {"gw", id};
  return record;
}

}  // namespace

TEST_CASE("an id comes back as it was given, whether it is a number or not") {
  for (const char* const id : {"0", "7", "1712158011464906", "999999999999999999", "1000000000000000000", "007", "-1",
                               "18446744073709551615", "a", "1.0", "0x1f", "MJ::a-b_c.d:e"}) {
    CHECK(CompactId(id).str() == id);
    CHECK(CompactId(id) == CompactId(id));
    CHECK(CompactId(id).hash() == CompactId(id).hash());
    CHECK(CompactId(id) == std::string_view(id));
    CHECK(CompactId::hash(id) == CompactId(id).hash());
  }
  CHECK(CompactId(std::string(128, '9')).str() == std::string(128, '9'));
  CHECK(!(CompactId("7") == CompactId("07")));
  CHECK(!(CompactId("7") == CompactId("8")));
  CHECK(!(CompactId("7") == std::string_view("07")));
  CHECK(!(CompactId("07") == std::string_view("7")));
  CHECK(!(CompactId("7") == std::string_view("")));
  CHECK(!(CompactId("a") == CompactId("b")));
}

TEST_CASE("a table finds its tasks whatever comes and goes") {
  TaskTable table;
  std::map<std::string, TaskSlot> there;
  std::mt19937_64 random(7);
  for (int step = 0; step < 20'000; ++step) {
    const auto number = random() % 700;
    const std::string id = (number % 3 == 0 ? "task-" : "1712158011464") + std::to_string(number);
    const auto found = there.find(id);
    const auto slot = table.find(id);
    REQUIRE(slot.has_value() == (found != there.end()));
    if (slot) {
      REQUIRE(*slot == found->second);
      REQUIRE(table[*slot].id.str() == id);
      table.drop(*slot);
      there.erase(found);
    } else {
      there.emplace(id, table.add(record(id), Now{}));
    }
    REQUIRE(table.size() == there.size());
  }
  for (const auto& [id, slot] : there) CHECK(table.find(id) == slot);
}

TEST_CASE("a watched task needs little room") {
  CHECK(sizeof(Task) <= 112);  // there may be a million of them
}

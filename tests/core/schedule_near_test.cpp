#include "daemon/core/schedule_near.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>
#include <utility>

using namespace mjwatchd;

namespace {
/// One that is told from another's.
Curve curve_of(TaskSlot slot) { return {1.0F, std::array{1.0F, 1 - static_cast<float>(slot) / 1000}}; }
}  // namespace

TEST_CASE("near tasks are in the order of their due times, each with its curve") {
  std::mt19937 random(1);
  NearList list;
  std::map<std::pair<Time, TaskSlot>, bool> model;  // whether its curve is known
  std::size_t made = 0;
  for (int step = 0; step < 5000; ++step) {
    const Time due(milliseconds(random() % 50));
    const auto slot = static_cast<TaskSlot>(random() % 200 + 1);
    if (const auto found = model.find({due, slot}); found != model.end()) {
      list.erase(due, slot);
      model.erase(found);
    } else if (model.size() < 100) {
      const bool known = random() % 2 == 0;
      if (known) list.insert(due, slot, curve_of(slot));
      if (!known) list.insert(due, slot);
      model.emplace(std::pair(due, slot), known);
    } else {
      list.pop_back();
      model.erase(std::prev(model.end()));
    }
    REQUIRE(list.size() == model.size());
    std::size_t place = 0;
    for (auto& [key, known] : model) {
      REQUIRE(std::pair(list[place].due, list[place].slot) == key);
      if (random() % 50 == 0) {
        const std::size_t before = made;
        const Curve& curve = list.curve(place, [&made](TaskSlot one) {
          ++made;
          return curve_of(one);
        });
        CHECK(curve.accrued(5) == curve_of(key.second).accrued(5));
        CHECK((made == before) == std::exchange(known, true));
      }
      ++place;
    }
  }
  CHECK(made > 100);
}

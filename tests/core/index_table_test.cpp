#include "daemon/core/index_table.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <random>
#include <vector>

using namespace mjwatchd;

TEST_CASE("a table of numbers finds what is in it and nothing else, whatever came and went") {
  std::vector<std::uint64_t> values(5000);
  std::mt19937_64 random(11);
  // Few different digests, so that many numbers stand in each other's way.
  for (auto& value : values) value = random() % 700;
  const auto hash_of = [&](std::uint32_t i) { return static_cast<std::size_t>(values[i] * 3); };
  IndexTable<decltype(hash_of)> table(hash_of);
  std::vector<bool> in(values.size(), false);
  std::size_t count = 0;
  for (int step = 0; step < 60000; ++step) {
    // Grows at first, shrinks at last.
    const auto i = static_cast<std::uint32_t>(random() % values.size());
    const bool want = random() % 10 < (step < 30000 ? 8U : 2U);
    if (in[i] != want) {
      if (want) table.insert(i);
      if (!want) table.erase(i);
      in[i] = want;
      count += want ? 1 : std::size_t(-1);
    }
    const auto other = static_cast<std::uint32_t>(random() % values.size());
    const auto found = table.find(hash_of(other), [&](std::uint32_t which) { return which == other; });
    REQUIRE(found == (in[other] ? other : table.kNone));
    REQUIRE(table.size() == count);
  }
}

TEST_CASE("a number takes another's place when both point to the same") {
  const auto hash_of = [](std::uint32_t i) { return static_cast<std::size_t>(i % 10); };
  IndexTable<decltype(hash_of)> table(hash_of);
  table.insert(3);
  table.insert(13);
  table.replace(3, 23);
  CHECK(table.find(3, [](std::uint32_t i) { return i == 3; }) == table.kNone);
  CHECK(table.find(3, [](std::uint32_t i) { return i == 23; }) == 23);
  CHECK(table.find(3, [](std::uint32_t i) { return i == 13; }) == 13);
  CHECK(table.size() == 2);
}

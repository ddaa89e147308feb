#include "daemon/core/block_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace mjwatchd {

TEST_CASE("lists of one pool keep their own items, whatever was taken before") {
  BlockPool<int> pool;
  std::vector<BlockPool<int>::List> lists(10);
  for (int round = 0; round < 5; ++round) {
    // Lengths on both sides of a block's, and an empty one; added to in turn.
    for (int i = 0; i < 500; ++i) {
      for (int list = 0; list < 10; ++list) {
        if (i < 50 * list) pool.push_back(lists[static_cast<std::size_t>(list)], 1000 * list + i);
      }
    }
    for (int list = 0; list < 10; ++list) {
      auto& one = lists[static_cast<std::size_t>(list)];
      std::vector<int> expected, taken;
      for (int i = 0; i < 50 * list; ++i) expected.push_back(1000 * list + i);
      CHECK(one.size == expected.size());
      pool.take(one, [&taken](int item) { taken.push_back(item); });
      std::sort(taken.begin(), taken.end());
      CHECK(taken == expected);
      CHECK(one.size == 0);
    }
  }
}

}  // namespace mjwatchd

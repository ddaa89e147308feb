#include "daemon/os/fold.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd::os;
using namespace std::chrono_literals;

namespace {
const Fold::Time kStart{1h};
}

TEST_CASE("the first line of a kind is written, the same within a minute is counted and told once") {
  Fold fold;
  CHECK(fold.admit("disk full", kStart));
  for (int i = 1; i <= 41; ++i) CHECK_FALSE(fold.admit("disk full", kStart + i * 1s));
  CHECK(fold.due(kStart + 59s).empty());
  const auto told = fold.due(kStart + 60s);
  REQUIRE(told.size() == 1);
  CHECK(told[0].kind == "disk full");
  CHECK(told[0].times == 41);
  CHECK(told[0].within == 60s);
  CHECK(fold.due(kStart + 61s).empty());
}

TEST_CASE("trouble that goes on is told once a minute, and is news again after a quiet one") {
  Fold fold;
  CHECK(fold.admit("x", kStart));
  CHECK_FALSE(fold.admit("x", kStart + 30s));
  CHECK(fold.due(kStart + 60s).size() == 1);
  CHECK_FALSE(fold.admit("x", kStart + 90s));
  CHECK(fold.due(kStart + 120s).size() == 1);
  CHECK(fold.due(kStart + 180s).empty());
  CHECK(fold.admit("x", kStart + 181s));
}

TEST_CASE("other lines are not held up by one that repeats") {
  Fold fold;
  CHECK(fold.admit("x", kStart));
  CHECK(fold.admit("y", kStart));
  CHECK_FALSE(fold.admit("x", kStart));
  CHECK(fold.due(kStart + 60s).size() == 1);
}

TEST_CASE("at the end everything counted is told") {
  Fold fold;
  CHECK(fold.admit("x", kStart));
  CHECK_FALSE(fold.admit("x", kStart + 5s));
  const auto told = fold.due(kStart + 5s, true);
  REQUIRE(told.size() == 1);
  CHECK(told[0].within == 5s);
}

TEST_CASE("it remembers a bounded number of kinds, and never swallows what it doesn't remember") {
  Fold fold;
  for (std::size_t i = 0; i < Fold::kKinds; ++i) CHECK(fold.admit(std::to_string(i), kStart));
  for (int i = 0; i < 3; ++i) CHECK(fold.admit("one more", kStart));
  CHECK_FALSE(fold.admit("0", kStart));
}

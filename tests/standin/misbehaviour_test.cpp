#include "daemon/standin/misbehaviour.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace mjwatchd::standin;

TEST_CASE("a misbehaviour strikes as often as its rate says") {
  Misbehaviour vices(7);
  vices.set("429:0.25, wrapped");
  int struck = 0;
  for (int i = 0; i < 4000; ++i) struck += vices.strikes("429") ? 1 : 0;
  CHECK(struck > 880);
  CHECK(struck < 1120);
  CHECK(vices.strikes("wrapped"));
  CHECK_FALSE(vices.strikes("500"));
}

TEST_CASE("ids are lost by name or by share, always the same ones") {
  Misbehaviour vices;
  vices.set("lose:0.5,lose:x");
  CHECK(vices.strikes_id("lose", "x"));
  int lost = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto id = std::to_string(i);
    CHECK(vices.strikes_id("lose", id) == vices.strikes_id("lose", id));
    lost += vices.strikes_id("lose", id) ? 1 : 0;
  }
  CHECK(lost > 400);
  CHECK(lost < 600);
}

TEST_CASE("a bad list changes nothing and says which item is bad") {
  Misbehaviour vices;
  vices.set("slow:500ms");
  CHECK_THROWS_WITH_AS(vices.set("html,slow:fast"), doctest::Contains("slow:fast"), std::invalid_argument);
  CHECK_THROWS_AS(vices.set("nonsense"), std::invalid_argument);
  CHECK_THROWS_AS(vices.set("429:1.5"), std::invalid_argument);
  CHECK(vices.duration("slow") == milliseconds(500));
  CHECK_FALSE(vices.on("html"));
}

TEST_CASE("help describes every kind") {
  for (const auto& vice : vices()) CHECK(describe_vices().find(vice.name) != std::string::npos);
}

#include "tests/support/hostile_json.hpp"

#include <doctest/doctest.h>

#include "daemon/control/json.hpp"

using namespace mjwatchd;

TEST_CASE("a client's JSON is read if it is JSON without a doubt, and else refused with the place") {
  for (const mjwatchd::test::HostileJson& one : mjwatchd::test::hostile_json()) {
    CAPTURE(one.text.substr(0, 200));
    std::string wrong;
    const bool read = control::read_json(one.text, wrong).has_value();
    CHECK(read == wrong.empty());
    if (one.said != mjwatchd::test::Said::too_much) CHECK(read == (one.said == mjwatchd::test::Said::json));
  }
}

#include "daemon/core/schedule_curve.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "daemon/core/schedule_exp.hpp"

using namespace mjwatchd;

TEST_CASE("a node is found as by looking at all of them") {
  const auto by_looking = [](float at) {
    std::size_t last = 0;
    while (last + 1 < CurveNodes::kNodes && kCurveNodes[last + 1] <= at) ++last;
    return last;
  };
  std::vector<float> all{0, 0.5F, 1e6F, 1e30F};
  for (std::size_t i = 1; i <= CurveNodes::kNodes; ++i) {
    const float node = kCurveNodes[i];
    all.insert(all.end(), {std::nextafter(node, 0.0F), node, std::nextafter(node, 1e9F), node * 1.1F});
  }
  for (const float at : all) CHECK_MESSAGE(kCurveNodes.before(at) == by_looking(at), at);
}

TEST_CASE("the rate of waiting is how much more there is of it a little later") {
  const Curve curve(0.5F, std::array{1.0F, 0.9F, 0.5F, 0.4F, 0.3F, 0.1F, 0.0F});
  for (float after = 0.05F; after < 6; after += 0.1F) {
    const auto [accrued, rate] = curve.waiting(after);
    CHECK(curve.accrued(after + 0.01F) - accrued == doctest::Approx(0.01F * rate).epsilon(0.05));
  }
}

TEST_CASE("what is left of a probability is as the library has it") {
  for (float power = 0; power > -87; power -= 0.0137F) {
    CHECK(std::abs(survival(power) / std::exp(power) - 1) < 3e-7F);
  }
  CHECK(survival(0.0F) == 1);
  CHECK(survival(-88.0F) < 1e-37F);
  CHECK(survival(-INFINITY) < 1e-37F);
  std::array powers{0.0F, -1.0F, -5.5F, -INFINITY, -0.1F, -86.0F, -88.0F, -20.0F};
  const std::array each = powers;
  survivals(powers, powers.size());
  for (std::size_t i = 0; i < each.size(); ++i) CHECK(powers[i] == survival(each[i]));
}

#include "tests/sim/day.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/sim/dice.hpp"

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;

TaskPlan plain_task(Dice& dice, std::size_t number, milliseconds at) {
  // Recorded from start to finish, in milliseconds.
  static const std::vector<std::int64_t> runs{27800, 34800, 35900, 38900, 39200,  39400,
                                              42100, 52000, 54000, 61500, 105000, 112000};
  TaskPlan plan;
  plan.registration.key = {"g1", "t" + std::to_string(number)};
  plan.registration.action = "IMAGINE";
  plan.asked_at = at;
  plan.submitted = at;
  const milliseconds start = dice.between(0ms, 3600ms);
  const milliseconds run(dice.pick(runs));
  plan.stages.push_back({0ms, Status::submitted, std::uint8_t{0}});
  plan.stages.push_back({start, Status::in_progress, std::uint8_t{0}});
  for (int step = 1; step <= 6; ++step) {
    const auto percent = static_cast<std::uint8_t>(step * 15);
    plan.stages.push_back({start + run * step / 7, Status::in_progress, percent});
  }
  plan.stages.push_back({start + run, Status::success, std::uint8_t{100}});
  return plan;
}

}  // namespace

Scenario quiet_days(int days) {
  Dice dice(1);
  Scenario scenario;
  scenario.seed = 1;
  scenario.calm_at = 24h * days;
  scenario.settings.webhooks.retry = {5s, 30s, 5min, 30min};
  scenario.settings.gateways["g1"] = {};
  scenario.gateways["g1"] = {};
  scenario.settings.webhooks.endpoints["app0"] = {};
  scenario.receivers["app0"] = {};
  scenario.default_receivers = {"app0"};
  scenario.tasks.reserve(kTasksADay * static_cast<std::size_t>(days));
  std::vector<milliseconds> moments(kTasksADay * static_cast<std::size_t>(days));
  for (milliseconds& moment : moments) moment = dice.between(0ms, scenario.calm_at - 5min);
  std::sort(moments.begin(), moments.end());
  for (const milliseconds at : moments) scenario.tasks.push_back(plain_task(dice, scenario.tasks.size(), at));
  return scenario;
}

}  // namespace mjwatchd::sim

#include "tests/sim/scenario.hpp"

#include <algorithm>

#include "tests/sim/dice.hpp"

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;

Spell draw_spell(Dice& dice, milliseconds calm) {
  static const std::vector<Mood> moods{Mood::refusing, Mood::throttling, Mood::throttling_mutely,
                                       Mood::broken,   Mood::down,       Mood::html};
  const milliseconds from = dice.between(0ms, calm);
  return {{from, std::min(calm, from + dice.between(1s, 5min))}, dice.pick(moods)};
}

GatewaySettings draw_gateway_settings(Dice& dice) {
  GatewaySettings settings;
  settings.batch = dice.pick(std::vector<std::size_t>{1, 5, 20, 50, 100});
  settings.call_cost = dice.pick(std::vector<milliseconds>{500ms, 2s, 8s});
  settings.max_calls_per_minute = dice.pick(std::vector<std::uint32_t>{10, 60, 120, 600});
  settings.max_in_flight = dice.pick(std::vector<std::uint32_t>{1, 2, 4});
  return settings;
}

GatewayPlan draw_gateway(Dice& dice, milliseconds calm) {
  GatewayPlan plan;
  if (dice.chance(25)) return plan;  // one that is always well: nothing may excuse us there
  plan.slowest = dice.pick(std::vector<milliseconds>{100ms, 2s, 20s});
  plan.drops = dice.chance(50) ? 5 : 0;
  plan.stale = dice.chance(25) ? 10 : 0;
  plan.batches = !dice.chance(15);
  plan.poison_status = dice.chance(50) ? 400 : 500;
  for (auto n = dice.between(0, 4); n > 0; --n) plan.spells.push_back(draw_spell(dice, calm));
  if (dice.chance(50)) plan.clock_ahead = dice.between(-2h, milliseconds(2h));
  if (dice.chance(20)) {
    const milliseconds from = dice.between(1min, calm);
    plan.forgetful = Span{from, dice.chance(50) ? milliseconds(24h * 365) : from + 10min};
  }
  if (dice.chance(20)) {
    const milliseconds from = dice.between(1min, calm);
    plan.unconfigured = Span{from, std::min(calm, from + dice.between(1min, 10min))};
  }
  return plan;
}

void draw_run(Dice& dice, std::vector<Stage>& stages) {
  milliseconds at = dice.between(0ms, 4s);
  stages.push_back({0ms, dice.chance(50) ? Status::not_start : Status::unknown, {}});
  stages.push_back({at, Status::submitted, std::uint8_t{0}});
  if (dice.chance(15)) {
    stages.push_back({at += dice.between(1s, 30s), Status::modal, {}});
    at += dice.between(1s, 10min);
  }
  const bool tells = dice.chance(70);
  std::int64_t percent = 0;
  stages.push_back({at += dice.between(1s, 10s), Status::in_progress, std::uint8_t{0}});
  while (tells && (percent += dice.between(5, 20)) < 95) {
    stages.push_back({at += dice.between(1s, 8s), Status::in_progress, static_cast<std::uint8_t>(percent)});
  }
  if (dice.chance(5)) stages.push_back({at += dice.between(1s, 5s), Status::modal, {}});
  if (dice.chance(10)) at += dice.between(1min, 8min);  // stops for a while
  at += dice.between(1s, 30s);
  const auto end = dice.between(1, 100);
  if (end <= 80) stages.push_back({at, Status::success, std::uint8_t{100}});
  if (end > 80 && end <= 90) stages.push_back({at, Status::failure, {}});
  if (end > 90 && end <= 95) stages.push_back({at, Status::cancel, {}});
  // The rest never ends: it expires.
}

PicturePlan draw_pictures(Dice& dice) {
  PicturePlan plan;
  if (dice.chance(40)) plan.failures = static_cast<int>(dice.between(1, 4));
  if (dice.chance(5)) plan.failures = 12;
  const auto kind = dice.between(1, 100);
  if (kind > 80) plan.verdict = SaveVerdict::none;
  if (kind > 90) plan.verdict = SaveVerdict::gone;
  if (dice.chance(10)) plan.slowest = 6min;
  if (dice.chance(60)) plan.links_live = dice.between(1min, milliseconds(2h));
  return plan;
}

WebhookTarget draw_target(Dice& dice, const std::vector<std::string>& names) {
  WebhookTarget target;
  const std::string& name = dice.pick(names);
  if (name.starts_with("url:")) {
    target.url = name.substr(4);
  } else {
    target.endpoint = name;
  }
  if (dice.chance(30)) target.events = ~EventMask{0};
  if (dice.chance(10)) target.events = mask_of(EventType::succeeded) | mask_of(EventType::modal);
  return target;
}

void draw_webhooks(Dice& dice, const Scenario& scenario, Registration& registration) {
  if (dice.chance(40)) return;  // the default list
  std::vector<std::string> names;
  for (const auto& [name, plan] : scenario.receivers) names.push_back(name);
  registration.webhooks.emplace();
  for (auto n = dice.between(0, 3); n > 0; --n) {
    WebhookTarget target = draw_target(dice, names);
    const auto same = [&](const WebhookTarget& other) { return receiver_of(other).name == receiver_of(target).name; };
    if (std::none_of(registration.webhooks->begin(), registration.webhooks->end(), same)) {
      registration.webhooks->push_back(std::move(target));
    }
  }
  if (dice.chance(20)) registration.events = ~EventMask{0};
}

TaskPlan draw_task(Dice& dice, const Scenario& scenario, std::size_t number) {
  static const std::vector<std::string> actions{"IMAGINE", "UPSCALE", "VARIATION", "DESCRIBE", ""};
  std::vector<std::string> names;
  for (const auto& [name, plan] : scenario.receivers) names.push_back(name);
  std::vector<std::string> gateways;
  for (const auto& [name, plan] : scenario.gateways) gateways.push_back(name);
  TaskPlan plan;
  plan.registration.key = {dice.pick(gateways), "t" + std::to_string(number)};
  plan.registration.action = dice.pick(actions);
  plan.asked_at = dice.chance(30) ? dice.between(0ms, 1s) : dice.between(0ms, scenario.calm_at - 1min);
  plan.submitted = plan.asked_at + dice.between(-3min, 2s);
  draw_run(dice, plan.stages);
  plan.pictures = draw_pictures(dice);
  draw_webhooks(dice, scenario, plan.registration);
  if (dice.chance(10)) plan.registration.save = SaveMode::none;
  plan.poison = dice.chance(2);
  if (dice.chance(8)) {
    const milliseconds from = plan.asked_at + dice.between(0ms, 2min);
    plan.absent = Span{from, from + dice.pick(std::vector<milliseconds>{5s, 40s, 5min, milliseconds(24h * 365)})};
  }
  if (dice.chance(8)) {
    plan.deleted_at = plan.asked_at + dice.between(0ms, 3min);
    plan.comes_back = dice.chance(50);
  }
  plan.asked_twice = dice.chance(5);
  if (dice.chance(15)) plan.refreshed_at.push_back(plan.asked_at + dice.between(0ms, 15min));
  if (dice.chance(10)) plan.late_receiver = {plan.asked_at + dice.between(0ms, 5min), draw_target(dice, names)};
  return plan;
}

ReceiverPlan draw_receiver(Dice& dice, milliseconds calm) {
  static const std::vector<Manner> manners{Manner::good,  Manner::good,   Manner::flaky,
                                           Manner::flaky, Manner::slow,   Manner::overloaded,
                                           Manner::hole,  Manner::broken, Manner::gone};
  ReceiverPlan plan;
  plan.manner = dice.pick(manners);
  if (plan.manner == Manner::gone) plan.enabled_at = calm;
  return plan;
}

void draw_receivers(Dice& dice, Scenario& scenario) {
  const auto count = dice.between(2, 5);
  for (std::int64_t n = 0; n < count; ++n) {
    const std::string name = "app" + std::to_string(n);
    ReceiverPlan plan = draw_receiver(dice, scenario.calm_at);
    if (dice.chance(15)) {
      const milliseconds from = dice.between(1s, scenario.calm_at);
      plan.unconfigured = Span{from, std::min(scenario.calm_at, from + dice.between(1min, 20min))};
    }
    if (dice.chance(15)) {
      const milliseconds from = dice.between(1s, scenario.calm_at);
      plan.disabled = Span{from, from + dice.between(1s, 10min)};
    }
    EndpointSettings endpoint;
    endpoint.max_in_flight = static_cast<std::uint32_t>(dice.between(1, 8));
    if (plan.manner != Manner::good && dice.chance(20)) endpoint.max_per_second = 2;
    scenario.settings.webhooks.endpoints[name] = endpoint;
    scenario.receivers[name] = plan;
    if (n < 2) scenario.default_receivers.push_back(name);
  }
  for (auto n = dice.between(0, 3); n > 0; --n) {
    ReceiverPlan plan = draw_receiver(dice, scenario.calm_at);
    scenario.receivers["url:https://r" + std::to_string(n % 2) + ".example/" + std::to_string(n)] = plan;
  }
}

/// Hundreds of tasks that end together, and a daemon that has to fetch their pictures.
void make_burst(Dice& dice, Scenario& scenario) {
  const milliseconds at = dice.between(0ms, scenario.calm_at / 2);
  for (std::size_t n = 1000; n < 1400; ++n) {
    TaskPlan plan;
    plan.registration.key = {"g1", "t" + std::to_string(n)};
    plan.asked_at = at + dice.between(0ms, 2s);
    plan.submitted = at;
    plan.stages = {{0ms, Status::in_progress, {}}, {30s, Status::success, {}}};
    plan.pictures.slowest = 1min;
    scenario.tasks.push_back(std::move(plan));
  }
}

/// A crowd of tasks still running when their gateway loses its memory.
void make_crowd(Dice& dice, Scenario& scenario) {
  const milliseconds forgets = dice.between(2min, 4min);
  scenario.gateways["g1"].forgetful = Span{forgets, forgets + dice.pick(std::vector<milliseconds>{10min, 24h * 365})};
  for (std::size_t n = 2000; n < 2080; ++n) {
    TaskPlan plan;
    plan.registration.key = {"g1", "t" + std::to_string(n)};
    plan.asked_at = dice.between(0ms, 30s);
    plan.submitted = plan.asked_at - dice.between(0ms, 30s);
    plan.stages = {{0ms, Status::in_progress, {}}, {dice.between(10min, 15min), Status::success, {}}};
    scenario.tasks.push_back(std::move(plan));
  }
}

void draw_disk(Dice& dice, Scenario& scenario) {
  scenario.commit_slowest = dice.pick(std::vector<milliseconds>{2ms, 30ms, 3s});
  if (dice.chance(40)) scenario.commit_fails = 3;
  if (dice.chance(75)) scenario.crashes = dice.pick(std::vector<double>{0.05, 0.3, 1.5});
  if (dice.chance(30)) scenario.clock_jumps = 3min;
  for (auto n = dice.chance(25) ? dice.between(1, 3) : 0; n > 0; --n) {
    const milliseconds from = dice.between(0ms, scenario.calm_at);
    scenario.disk_full.push_back({from, std::min(scenario.calm_at, from + dice.between(1s, 2min))});
  }
  for (auto n = dice.chance(25) ? dice.between(1, 3) : 0; n > 0; --n) {
    const milliseconds from = dice.between(0ms, scenario.calm_at);
    scenario.disk_stalls.push_back({from, std::min(scenario.calm_at, from + dice.between(1s, 1min))});
  }
}

/// Somebody sets the clock, or a virtual machine wakes up.
void draw_clock(Dice& dice, Scenario& scenario) {
  static const std::vector<milliseconds> sizes{1s, 5min, 1h, 24h * 40};
  if (!dice.chance(20)) return;
  for (auto n = dice.between(1, 3); n > 0; --n) {
    const milliseconds by = dice.pick(sizes);
    scenario.clock_steps.push_back({dice.between(0ms, scenario.calm_at), dice.chance(50) ? by : -by});
  }
}

}  // namespace

Settings Scenario::settings_at(milliseconds when) const {
  Settings then = settings;
  for (const auto& [name, plan] : gateways) {
    if (plan.unconfigured && plan.unconfigured->has(when)) then.gateways.erase(name);
  }
  for (const auto& [name, plan] : receivers) {
    if (plan.unconfigured && plan.unconfigured->has(when)) then.webhooks.endpoints.erase(name);
  }
  return then;
}

ReceiverRef receiver_of(const WebhookTarget& target) {
  if (!target.endpoint.empty()) return {target.endpoint, target.endpoint};
  return {"url:" + target.url, "origin:" + target.url.substr(0, target.url.find('/', 8))};
}

Scenario draw(std::uint64_t seed) {
  Dice dice(seed);
  Scenario scenario;
  scenario.seed = seed;
  scenario.calm_at = dice.between(5min, 40min);
  Settings& settings = scenario.settings;
  settings.seed = dice.roll();
  settings.watch.expire_after = dice.between(20min, milliseconds(3h));
  settings.watch.stall_after = dice.between(30s, 10min);
  settings.watch.missing_grace = dice.pick(std::vector<milliseconds>{10s, 60s, 3min});
  settings.watch.max_gap = dice.pick(std::vector<milliseconds>{5s, 20s, 60s});
  settings.images.give_up = dice.between(20s, 5min);
  settings.images.seed = dice.chance(20);
  settings.webhooks.retry = {5s, 30s, 5min, 30min};
  settings.webhooks.max_in_flight = 64;
  draw_receivers(dice, scenario);
  draw_disk(dice, scenario);
  draw_clock(dice, scenario);
  for (auto n = dice.between(1, 3); n > 0; --n) {
    const std::string name = "g" + std::to_string(n);
    settings.gateways[name] = draw_gateway_settings(dice);
    scenario.gateways[name] = draw_gateway(dice, scenario.calm_at);
  }
  const auto tasks = dice.chance(20) ? dice.between(100, 200) : dice.between(1, 60);
  for (std::size_t n = 0; n < static_cast<std::size_t>(tasks); ++n) {
    scenario.tasks.push_back(draw_task(dice, scenario, n));
  }
  if (dice.chance(2)) make_burst(dice, scenario);
  if (dice.chance(3)) make_crowd(dice, scenario);
  for (auto n = dice.between(0, 2); n > 0; --n) {
    scenario.replays_at.push_back(dice.between(1min, scenario.calm_at + 10min));
  }
  return scenario;
}

}  // namespace mjwatchd::sim

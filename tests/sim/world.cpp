#include "tests/sim/world.hpp"

#include <algorithm>
#include <utility>

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;
// What has not ended by then never does.
constexpr milliseconds kLongest = 24h * 90;
constexpr std::uint64_t kMostSteps = 3'000'000, kMostStepsATask = 100;
}  // namespace

World::World(const Scenario& scenario, Findings::Trace trace, Fault fault)
    : scenario_(scenario),
      findings_(trace),
      dice_(scenario.seed ^ 0x301dU),
      death_dice_(scenario.seed ^ 0xdeadU),
      disk_(scenario, clock_, findings_),
      saboteur_(fault, scenario.seed, disk_),
      pictures_(scenario, clock_),
      receivers_(scenario, clock_, findings_),
      rules_(scenario, clock_, findings_, disk_, receivers_, gateways_),
      apps_(scenario, clock_, dice_, rules_, doors()) {
  for (const auto& [name, plan] : scenario.gateways) {
    gateways_.emplace(name, std::make_unique<FakeGateway>(name, scenario, clock_, kBeginning));
  }
  if (saboteur_.is(Fault::ack_before_sync)) disk_.sync_late();
}

const Findings& World::run() {
  plan();
  boot();
  const milliseconds longest = std::max(kLongest, 2 * scenario_.calm_at);
  const std::uint64_t most_steps = std::max(kMostSteps, kMostStepsATask * scenario_.tasks.size());
  while (findings_.broken().empty() && !over()) {
    if (!clock_.turn()) {
      findings_.broken(clock_.now(), "nothing happens any more, and left are " + what_is_left());
      return findings_;
    }
    if (clock_.now() > longest || steps_ > most_steps) {
      findings_.broken(clock_.now(), "it does not come to an end; left are " + what_is_left());
      return findings_;
    }
  }
  if (findings_.broken().empty()) rules_.at_the_end();
  return findings_;
}

void World::plan() {
  apps_.plan_apps();
  apps_.plan_people();
  for (const auto& [name, gateway] : scenario_.gateways) {
    if (gateway.forgetful) clock_.at(gateway.forgetful->from, [this, one = name] { rules_.forgets(one); });
    if (!gateway.unconfigured) continue;
    clock_.at(gateway.unconfigured->from, [this] { reconfigure(); });
    clock_.at(gateway.unconfigured->to, [this] { reconfigure(); });
  }
  for (const auto& [name, receiver] : scenario_.receivers) {
    if (!receiver.unconfigured) continue;
    clock_.at(receiver.unconfigured->from, [this] { reconfigure(); });
    clock_.at(receiver.unconfigured->to, [this] { reconfigure(); });
  }
  for (const ClockStep& step : scenario_.clock_steps) {
    clock_.at(step.at, [this, by = step.by] {
      findings_.did(clock_.now(), "clock set by ", by.count());
      wall_error_ += by;
    });
  }
  clock_.at(scenario_.calm_at, [this] { calm(); });
}

void World::calm() {
  calm_ = true;
  findings_.did(clock_.now(), "calm");
  disk_.calm();
  receivers_.calm();
  for (auto& [name, gateway] : gateways_) gateway->calm();
  reconfigure();
}

bool World::over() const {
  if (!calm_ || !watcher_ || stopped_ || apps_.planned() != 0 || !wishes_.empty() || !unasked_.empty()) return false;
  return watcher_->live() == 0 && watcher_->outbox().pending() == 0 && watcher_->saving() == 0 && disk_.idle() &&
         inbox_.empty();
}

std::string World::what_is_left() const {
  std::string left = std::to_string(wishes_.size() + unasked_.size() + apps_.planned()) + " wishes";
  if (!watcher_) return left + ", no daemon";
  left += ", " + std::to_string(watcher_->live()) + " tasks, " + std::to_string(watcher_->outbox().pending()) +
          " deliveries, " + std::to_string(watcher_->saving()) + " saves";
  for (const TaskRow& row : disk_.tasks().all()) {
    const TaskKey& key = row.record.key;
    if (row.no != 0 && watcher_->holds(key)) left += " " + key.gateway + "/" + key.id;
  }
  return left;
}

// ---- the daemon's life

Now World::now() const { return {Time(origin_ + clock_.now() - booted_), kBeginning + clock_.now() + wall_error_}; }

void World::boot() {
  booted_ = clock_.now();
  origin_ = dice_.between(0ms, 10min);  // the steady line starts anew
  wall_error_ = dice_.between(-scenario_.clock_jumps, scenario_.clock_jumps);
  stopped_ = false;
  wake_planned_ = kLongest * 2;
  findings_.did(clock_.now(), "boot");
  settings_ = settings_now();
  watcher_ = std::make_unique<Watcher>(settings_, now());
  rules_.booted();
  disk_.adopt([this](std::vector<Event> page) {
    for (Event& event : page) {
      if (const auto* task = std::get_if<event::Adopted>(&event)) rules_.adopted(task->task.key);
      tell(std::move(event));
    }
  });
  std::vector<Wish> wishes = std::move(unasked_);
  unasked_.clear();
  for (Wish& wish : wishes) apps_.ask_at(clock_.now() + dice_.between(0ms, 3s), std::move(wish));
  plan_wake();
}

void World::crash() {
  ++crashes_;
  findings_.did(clock_.now(), "crash");
  ++life_;
  watcher_.reset();
  inbox_.clear();
  step_planned_ = false;
  disk_.crash();
  turns_ = {};
  for (auto& [ticket, wish] : wishes_) unasked_.push_back(std::move(wish));
  wishes_.clear();
  clock_.in(dice_.chance(80) ? dice_.between(10ms, 3s) : dice_.between(1s, 5min), [this] { boot(); });
}

/// Told to stop: what is in flight is still heard for a while.
void World::stop_gently() {
  findings_.did(clock_.now(), "stop");
  stopped_ = true;
  watcher_->stop();
  rules_.stopped();
  clock_.in(dice_.between(0ms, 8s), [this, life = life_] {
    if (life == life_) crash();
  });
}

/// At the present chance, if it does.
std::optional<Death> World::death() {
  Death death{chances_, false};
  if (scenario_.deaths) {
    const auto same = [&](const Death& one) { return one.chance == death.chance; };
    const auto found = std::find_if(scenario_.deaths->begin(), scenario_.deaths->end(), same);
    if (found == scenario_.deaths->end()) return std::nullopt;
    death = *found;
  } else if (!death_dice_.chance(scenario_.crashes / 2)) {
    return std::nullopt;
  } else {
    death.gentle = death_dice_.chance(20);
  }
  deaths_.push_back(death);
  return death;
}

void World::plan_step() {
  if (step_planned_) return;
  step_planned_ = true;
  clock_.in(0ms, [this, life = life_] {
    if (life == life_) step();
  });
}

void World::step() {
  step_planned_ = false;
  ++steps_;
  if (const auto death = dies_now()) return death->gentle && !stopped_ ? stop_gently() : crash();
  heard_.clear();
  heard_.swap(inbox_);
  if (heard_.size() > 1 && dice_.chance(10)) {  // the loop got only so far
    const auto cut = heard_.begin() + static_cast<std::ptrdiff_t>(1 + dice_.below(heard_.size() - 1));
    inbox_.assign(std::make_move_iterator(cut), std::make_move_iterator(heard_.end()));
    heard_.erase(cut, heard_.end());
    plan_step();
  }
  const std::size_t turn = turns_.take();
  Actions& actions = turns_[turn].actions;
  saboteur_.events(heard_);
  watcher_->handle(heard_, now(), actions);
  saboteur_.actions(actions);
  check_idling(heard_.size(), actions.size());
  if (!carry_out(turn)) return crash();
  rules_.look(*watcher_, settings_);
  plan_wake();
}

/// A daemon that wakes up again and again without doing anything burns its processor.
void World::check_idling(std::size_t events, std::size_t actions) {
  if (events != 0 || actions != 0 || clock_.now() != idle_at_) idle_turns_ = 0;
  idle_at_ = clock_.now();
  if (++idle_turns_ > 20) findings_.broken(clock_.now(), "it spins");
}

void World::plan_wake() {
  const Time next = watcher_->next_wakeup();
  if (next == kNever) return;
  milliseconds when = clock_.now() + std::max(next - now().steady, 0ms);
  if (when >= wake_planned_) return;
  wake_planned_ = when;
  if (dice_.chance(10)) when += dice_.between(0ms, 5ms);  // the loop was busy
  clock_.at(when, [this, life = life_, planned = wake_planned_] {
    if (life == life_ && planned == wake_planned_ && !saboteur_.loses_wakeup()) wake();
  });
}

void World::wake() {
  wake_planned_ = kLongest * 2;
  if (watcher_->next_wakeup() <= now().steady) return plan_step();
  plan_wake();
}

void World::reconfigure() {
  if (!watcher_) return;
  findings_.did(clock_.now(), "reconfigure");
  const std::size_t turn = turns_.take();
  settings_ = settings_now();
  watcher_->reconfigure(settings_, now(), turns_[turn].actions);
  rules_.reconfigured();
  if (!carry_out(turn)) return crash();
  plan_wake();
}

}  // namespace mjwatchd::sim

#include "tests/sim/cluster.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/describe.hpp"

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;
constexpr milliseconds kLongest = 24h * 90;
constexpr milliseconds kLongestIdle = 26h;  ///< there is always something to be done before
constexpr milliseconds kNever_ = 24h * 9999;
}  // namespace

Cluster::Cluster(const Scenario& scenario, const Sharing& sharing, Findings::Trace trace, SharingFault fault)
    : scenario_(scenario),
      sharing_(sharing),
      findings_(trace),
      dice_(scenario.seed ^ 0xc105U),
      disk_(scenario, clock_, findings_),
      pictures_(scenario, clock_),
      receivers_(scenario, clock_, findings_),
      database_(clock_, findings_, disk_, fault),
      rules_(scenario, clock_, findings_, disk_, receivers_, gateways_),
      apps_(scenario, clock_, dice_, rules_, doors()),
      sharing_rules_(scenario, clock_, findings_, database_, gateways_) {
  for (const auto& [name, plan] : scenario.gateways) {
    gateways_.emplace(name, std::make_unique<FakeGateway>(name, scenario, clock_, kBeginning));
  }
  for (std::size_t place = 0; place < sharing.daemons.size(); ++place) {
    daemons_.emplace_back();
    daemons_.back().place = place;
  }
  plan();
}

const Findings& Cluster::run() {
  while (findings_.broken().empty() && !over()) {
    if (!clock_.turn() || clock_.now() > kLongest || clock_.now() > acted_ + kLongestIdle) {
      findings_.broken(clock_.now(), "it does not come to an end; left are " + what_is_left());
      return findings_;
    }
  }
  if (findings_.broken().empty()) rules_.at_the_end();
  return findings_;
}

const Findings& Cluster::run_until(milliseconds when) {
  bool there = false;
  clock_.at(when, [&there] { there = true; });
  while (findings_.broken().empty() && !there && clock_.turn()) continue;
  return findings_;
}

void Cluster::plan() {
  apps_.plan_apps();
  apps_.plan_people();
  for (Daemon& daemon : daemons_) {
    const DaemonPlan& plan = sharing_.daemons[daemon.place];
    clock_.at(plan.comes, [this, &daemon] { boot(daemon); });
    if (plan.dies) {
      clock_.at(*plan.dies, [this, &daemon] {
        if (daemon.watcher) crash(daemon, false);
      });
    }
    for (const Span& pause : plan.pauses) {
      clock_.at(pause.from, [this, &daemon, to = pause.to] {
        if (daemon.watcher) daemon.pause_soon = to;
      });
    }
  }
  const auto reconfigures = [this](const std::optional<Span>& span) {
    if (!span) return;
    clock_.at(span->from, [this] { reconfigure(); });
    clock_.at(span->to, [this] { reconfigure(); });
  };
  for (const auto& [name, gateway] : scenario_.gateways) reconfigures(gateway.unconfigured);
  for (const auto& [name, receiver] : scenario_.receivers) reconfigures(receiver.unconfigured);
  clock_.at(scenario_.calm_at, [this] { calm(); });
}

void Cluster::calm() {
  calm_ = true;
  findings_.did(clock_.now(), "calm");
  disk_.calm();
  receivers_.calm();
  for (auto& [name, gateway] : gateways_) gateway->calm();
  for (Daemon& daemon : daemons_) {
    if (daemon.session) daemon.session->calm();
  }
  reconfigure();
}

bool Cluster::over() const {
  if (!calm_ || apps_.planned() != 0) return false;
  return std::all_of(daemons_.begin(), daemons_.end(),
                     [](const Daemon& daemon) {
                       if (!daemon.watcher || daemon.stopped || !daemon.wishes.empty() || !daemon.inbox.empty())
                         return false;
                       const Watcher& watcher = *daemon.watcher;
                       return watcher.live() == 0 && watcher.outbox().pending() == 0 && watcher.saving() == 0 &&
                              daemon.session->idle() && daemon.session->taken_up();
                     }) &&
         std::ranges::none_of(disk_.tasks().all(),
                              [](const TaskRow& row) { return row.no != 0 && row.record.phase != Phase::done; }) &&
         std::none_of(disk_.deliveries().begin(), disk_.deliveries().end(),
                      [](const DeliveryRow& row) { return row.record.state == DeliveryState::pending; });
}

std::string Cluster::what_is_left() const {
  std::string left = std::to_string(apps_.planned()) + " wishes to come";
  for (const Daemon& daemon : daemons_) {
    left += "; daemon " + std::to_string(daemon.place) + ": ";
    if (!daemon.watcher) {
      left += "none";
      continue;
    }
    left += std::to_string(daemon.wishes.size()) + " wishes, " + std::to_string(daemon.watcher->live()) + " tasks, " +
            std::to_string(daemon.watcher->outbox().pending()) + " deliveries, " +
            std::to_string(daemon.watcher->saving()) + " saves";
  }
  left += "; in the database:";
  const auto held = [this](Unit unit) {
    return " of unit " + std::to_string(unit) + " held by " + std::to_string(database_.holder(unit));
  };
  for (const TaskRow& row : disk_.tasks().all()) {
    if (row.no != 0 && row.record.phase != Phase::done) left += " " + row.record.key.id + held(row.no);
  }
  for (const DeliveryRow& row : disk_.deliveries()) {
    if (row.record.state != DeliveryState::pending) continue;
    left += " delivery " + std::to_string(row.record.no) + held(Database::unit_of(row.record));
  }
  return left;
}

std::vector<std::size_t> Cluster::held() const {
  std::vector<std::size_t> all;
  for (const Daemon& daemon : daemons_) {
    if (daemon.session) all.push_back(daemon.session->held());
  }
  return all;
}

std::vector<GatewayView> Cluster::views() const {
  std::vector<GatewayView> all;
  for (const Daemon& daemon : daemons_) {
    if (!daemon.watcher) continue;
    for (GatewayView& view : daemon.watcher->gateways()) all.push_back(std::move(view));
  }
  return all;
}

// ---- the daemons' lives

Now Cluster::now(const Daemon& daemon) const {
  return {Time(daemon.origin + clock_.now() - daemon.booted), kBeginning + clock_.now() + daemon.wall_error};
}

void Cluster::boot(Daemon& daemon) {
  ++daemon.life;
  daemon.booted = clock_.now();
  daemon.origin = dice_.between(0ms, 10min);
  daemon.wall_error = dice_.between(-scenario_.clock_jumps, scenario_.clock_jumps);
  daemon.stopped = daemon.step_planned = daemon.interrupted = false;
  daemon.wake_planned = kNever_;
  daemon.paused_until = 0ms;
  daemon.pause_soon.reset();
  findings_.did(clock_.now(), "boot ", daemon.place);
  daemon.watcher = std::make_unique<Watcher>(settings_now(), now(daemon));
  rules_.booted();
  daemon.session =
      std::make_unique<Session>(++last_session_, scenario_, sharing_.daemons[daemon.place], clock_, findings_,
                                database_, [this, &daemon](std::vector<Event> page) {
                                  for (Event& event : page) {
                                    findings_.note(clock_.now(), "told ", daemon.place, " ", describe(event));
                                    const auto* shared = std::get_if<event::Shared>(&event);
                                    if (shared != nullptr && shared->daemons == 1 && !daemon.session->taken_up())
                                      sharing_rules_.came_alone();
                                    tell(daemon, std::move(event));
                                  }
                                });
  if (calm_) daemon.session->calm();
  plan_wake(daemon);
}

void Cluster::crash(Daemon& daemon, bool gently) {
  ++crashes_;
  findings_.did(clock_.now(), gently ? "ends " : "crash ", daemon.place);
  ++daemon.life;
  if (gently) {
    daemon.session->close();
  } else {
    daemon.session->crash();
  }
  sharing_rules_.went(daemon.session->number());
  daemon.session.reset();
  daemon.watcher.reset();
  daemon.inbox.clear();
  daemon.left.clear();
  for (auto& [ticket, wish] : daemon.wishes) apps_.ask_at(clock_.now() + dice_.between(100ms, 3s), std::move(wish));
  daemon.wishes.clear();
  clock_.in(dice_.chance(60) ? dice_.between(10ms, 3s) : dice_.between(1s, 5min), [this, &daemon] { boot(daemon); });
}

/// Told to stop: what is in flight is still heard for a while, then everything is handed over.
void Cluster::stop_gently(Daemon& daemon) {
  findings_.did(clock_.now(), "stop ", daemon.place);
  daemon.stopped = true;
  daemon.watcher->stop();
  clock_.in(dice_.between(0ms, 8s), [this, &daemon, life = daemon.life] {
    if (life == daemon.life) crash(daemon, true);
  });
}

/// Asked wherever it could: between any two steps and any two actions.
bool Cluster::dies_now() { return !calm_ && sharing_.crashes != 0 && dice_.chance(sharing_.crashes / 2); }

/// Likewise.
bool Cluster::paused(Daemon& daemon) {
  if (daemon.pause_soon && *daemon.pause_soon > clock_.now()) {
    daemon.paused_until = *daemon.pause_soon;
    daemon.session->pause_until(daemon.paused_until);
    findings_.did(clock_.now(), "pause ", daemon.place, " until ", daemon.paused_until.count());
  }
  daemon.pause_soon.reset();
  return clock_.now() < daemon.paused_until;
}

void Cluster::tell(Daemon& daemon, Event event) {
  if (!daemon.watcher) return;
  daemon.inbox.push_back(std::move(event));
  plan_step(daemon);
}

void Cluster::plan_step(Daemon& daemon) {
  if (std::exchange(daemon.step_planned, true)) return;
  clock_.at(std::max(clock_.now(), daemon.paused_until), [this, &daemon, life = daemon.life] {
    if (life == daemon.life) step(daemon);
  });
}

void Cluster::step(Daemon& daemon) {
  daemon.step_planned = false;
  if (clock_.now() < daemon.paused_until || (dice_.chance(30) && paused(daemon))) return plan_step(daemon);
  ++steps_;
  if (dies_now()) {
    if (daemon.stopped || dice_.chance(70)) return crash(daemon, false);
    return stop_gently(daemon);
  }
  if (!daemon.left.empty()) {  // where it stood when it was paused
    daemon.interrupted = true;
    const bool lives = carry_out(daemon, std::exchange(daemon.left, {}));
    daemon.interrupted = false;
    if (!lives) return;
  }
  std::vector<Event> heard = std::exchange(daemon.inbox, {});
  if (daemon.session->taken_up()) {
    for (Event& event : daemon.session->lapsed()) heard.push_back(std::move(event));
  }
  Actions actions;
  daemon.watcher->handle(heard, now(daemon), actions);
  if (!carry_out(daemon, std::move(actions))) return;
  std::optional<milliseconds> fit;
  for (const Daemon& one : daemons_) {
    if (!one.watcher || one.stopped || !one.session->well() || !one.session->taken_up()) continue;
    fit = std::min(fit.value_or(one.session->well_since()), one.session->well_since());
  }
  sharing_rules_.look(fit);
  plan_wake(daemon);
}

void Cluster::plan_wake(Daemon& daemon) {
  const Time next = daemon.watcher->next_wakeup();
  if (next == kNever) return;
  const milliseconds when = clock_.now() + std::max(next - now(daemon).steady, 0ms);
  if (when >= daemon.wake_planned) return;
  daemon.wake_planned = when;
  clock_.at(when, [this, &daemon, life = daemon.life, when] {
    if (life == daemon.life && when == daemon.wake_planned) wake(daemon);
  });
}

void Cluster::wake(Daemon& daemon) {
  daemon.wake_planned = kNever_;
  if (clock_.now() < daemon.paused_until || daemon.watcher->next_wakeup() <= now(daemon).steady) {
    return plan_step(daemon);
  }
  plan_wake(daemon);
}

/// The same new settings for all, each at its own next moment.
void Cluster::reconfigure() {
  for (Daemon& daemon : daemons_) {
    if (!daemon.watcher) continue;
    clock_.at(std::max(clock_.now(), daemon.paused_until), [this, &daemon, life = daemon.life] {
      if (life != daemon.life) return;
      if (clock_.now() < daemon.paused_until) return reconfigure();
      Actions actions;
      std::vector<Event> lapsed = daemon.session->lapsed();
      daemon.watcher->adopt(lapsed, now(daemon), actions);
      daemon.watcher->reconfigure(settings_now(), now(daemon), actions);
      if (carry_out(daemon, std::move(actions))) plan_wake(daemon);
    });
  }
}

}  // namespace mjwatchd::sim

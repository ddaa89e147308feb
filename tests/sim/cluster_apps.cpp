#include <memory>
#include <utility>

#include "tests/sim/cluster.hpp"

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;
constexpr WallTime kBeginning{1'800'000'000s};
}  // namespace

/// Of whichever daemon answers the door; one that is paused lets it wait, and one that hangs is given up.
void Cluster::ask(Wish wish) {
  Daemon& daemon = daemons_[dice_.below(daemons_.size())];
  if (!daemon.watcher || daemon.stopped || !daemon.session->taken_up()) {
    return ask_at(clock_.now() + dice_.between(100ms, 3s), std::move(wish));
  }
  const Ticket ticket = ++last_ticket_;
  tell(daemon, wish.ask(ticket));
  daemon.wishes.emplace(ticket, std::move(wish));
}

void Cluster::ask_at(milliseconds when, Wish wish) {
  ++apps_plans_;
  clock_.at(when, [this, wish = std::move(wish)]() mutable {
    --apps_plans_;
    ask(std::move(wish));
  });
}

void Cluster::plan_apps() {
  for (const TaskPlan& plan : scenario_.tasks) {
    register_task(plan, plan.asked_at, true);
    if (plan.asked_twice) register_task(plan, plan.asked_at + dice_.between(0ms, 50ms), false);
    for (const milliseconds when : plan.refreshed_at) {
      clock_.at(when, [this, key = plan.registration.key] { refresh(key); });
    }
    if (!plan.late_receiver) continue;
    change_at(plan.late_receiver->first, [&plan](WallTime at) {
      return change::AddReceiver{plan.registration.key, plan.late_receiver->second, at};
    });
  }
}

void Cluster::register_task(const TaskPlan& plan, milliseconds when, bool may_delete) {
  Wish wish;
  wish.ask = [&plan](Ticket ticket) -> Event {
    Registration registration = plan.registration;
    if (plan.registration.key.id.back() % 2 == 0) registration.submitted_at = kBeginning + plan.submitted;
    return event::Registered{ticket, std::move(registration)};
  };
  wish.answered = [this, &plan, may_delete](const CommitResult& result) {
    rules_.answering(plan.registration.key, result);
    if (may_delete && plan.deleted_at) delete_task(plan);
  };
  ask_at(when, std::move(wish));
}

void Cluster::delete_task(const TaskPlan& plan) {
  Wish wish;
  wish.ask = [&plan](Ticket ticket) -> Event { return event::Deleted{ticket, plan.registration.key}; };
  wish.answered = [this, &plan](const CommitResult&) {
    sharing_rules_.deleted(plan.registration.key);
    if (plan.comes_back) register_task(plan, clock_.now() + dice_.between(0ms, 30s), false);
  };
  ask_at(*plan.deleted_at, std::move(wish));
}

/// Goes to whoever holds the task; one that nobody holds has ended.
void Cluster::refresh(const TaskKey& key) {
  const TaskRow* row = disk_.task(key);
  if (row == nullptr) return;
  const SessionNo holder = database_.holder(row->no);
  for (Daemon& daemon : daemons_) {
    if (!daemon.watcher || daemon.stopped || !daemon.session->taken_up()) continue;
    if (holder != 0 && daemon.session->number() != holder) continue;
    return tell(daemon, event::RefreshAsked{key, row->record});
  }
}

void Cluster::change_at(milliseconds when, std::function<Change(WallTime)> make) {
  Wish wish;
  wish.ask = [this, make = std::move(make)](Ticket ticket) -> Event {
    return event::ChangeAsked{ticket, make(kBeginning + clock_.now())};
  };
  wish.answered = [](const CommitResult&) {};
  ask_at(when, std::move(wish));
}

void Cluster::plan_people() {
  for (const auto& [name, plan] : scenario_.receivers) {
    const auto set = [who = name](bool disabled) {
      return [who, disabled](WallTime at) -> Change { return change::Receiver{who, disabled, "as asked", at}; };
    };
    if (plan.disabled) {
      change_at(plan.disabled->from, set(true));
      change_at(plan.disabled->to, set(false));
    }
    // Whoever said 410 is enabled once it no longer does; and once more for what was under way then.
    for (const milliseconds wait : {milliseconds(1s), milliseconds(60s), milliseconds(20min)})
      change_at(scenario_.calm_at + wait, set(false));
  }
  for (const milliseconds when : scenario_.replays_at) {
    change_at(when, [when](WallTime at) {
      change::Replay replay;
      replay.at = at;
      if (when.count() % 2 == 0) replay.state = DeliveryState::dead;
      return replay;
    });
  }
  change_at(scenario_.calm_at / 2, [](WallTime at) { return change::Test{"app0", at}; });
}

}  // namespace mjwatchd::sim

#include "tests/sim/apps.hpp"

#include <memory>
#include <utility>
#include <variant>

namespace mjwatchd::sim {
using namespace std::chrono_literals;

void Apps::ask_at(milliseconds when, Wish wish) {
  ++planned_;
  clock_.at(when, [this, wish = std::move(wish)]() mutable {
    --planned_;
    doors_.ask(std::move(wish));
  });
}

void Apps::plan_apps() {
  for (const TaskPlan& plan : scenario_.tasks) {
    register_task(plan, plan.asked_at, true);
    if (plan.asked_twice) register_task(plan, plan.asked_at + dice_.between(0ms, 50ms), false);
    for (const milliseconds when : plan.refreshed_at) {
      clock_.at(when, [this, &plan] { doors_.refresh(plan.registration.key); });
    }
    if (!plan.late_receiver) continue;
    change_at(plan.late_receiver->first, [&plan](WallTime at) {
      return change::AddReceiver{plan.registration.key, plan.late_receiver->second, at};
    });
  }
}

void Apps::register_task(const TaskPlan& plan, milliseconds when, bool may_delete) {
  ++planned_;
  clock_.at(when, [this, &plan, may_delete] {
    --planned_;
    doors_.ask(registering(plan, may_delete));
  });
}

Apps::Wish Apps::registering(const TaskPlan& plan, bool may_delete) {
  Wish wish;
  wish.ask = [&plan](Ticket ticket, std::vector<Event>& inbox) {
    inbox.emplace_back(std::in_place_type<event::Registered>, ticket, plan.registration);
    Registration& asked = std::get<event::Registered>(inbox.back()).registration;
    if (asked.key.id.back() % 2 == 0) asked.submitted_at = kBeginning + plan.submitted;
  };
  if (may_delete && plan.deleted_at) {
    wish.answered = [this, &plan](const CommitResult& result) {
      rules_.answering(plan.registration.key, result);
      delete_task(plan);
    };
  } else {
    wish.answered = [this, &plan](const CommitResult& result) { rules_.answering(plan.registration.key, result); };
  }
  return wish;
}

void Apps::delete_task(const TaskPlan& plan) {
  const auto look = std::make_shared<std::function<void()>>();
  Wish wish;
  wish.ask = [this, &plan, look](Ticket ticket, std::vector<Event>& inbox) {
    *look = doors_.deleting(plan.registration.key);
    inbox.emplace_back(event::Deleted{ticket, plan.registration.key});
  };
  wish.answered = [this, &plan, look](const CommitResult&) {
    (*look)();
    if (plan.comes_back) register_task(plan, clock_.now() + dice_.between(0ms, 30s), false);
  };
  ask_at(*plan.deleted_at, std::move(wish));
}

void Apps::change_at(milliseconds when, std::function<Change(WallTime)> make) {
  Wish wish;
  wish.ask = [this, make = std::move(make)](Ticket ticket, std::vector<Event>& inbox) {
    inbox.emplace_back(event::ChangeAsked{ticket, make(doors_.wall())});
  };
  wish.answered = [](const CommitResult&) {};
  ask_at(when, std::move(wish));
}

void Apps::plan_people() {
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

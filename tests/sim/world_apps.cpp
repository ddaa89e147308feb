// How apps reach the daemon.
#include <utility>

#include "tests/sim/world.hpp"

namespace mjwatchd::sim {

Apps::Doors World::doors() {
  return {[this](Wish wish) { ask(std::move(wish)); }, [this](const TaskKey& key) { refresh(key); },
          [this] { return now().wall; }, [this](const TaskKey& key) { return deleting(key); }};
}

void World::ask(Wish wish) {
  if (!watcher_ || stopped_) {
    unasked_.push_back(std::move(wish));
    return;
  }
  const Ticket ticket = ++last_ticket_;
  wish.ask(ticket, inbox_);
  plan_step();
  wishes_.emplace(ticket, std::move(wish));
}

void World::refresh(const TaskKey& key) {
  const TaskRow* row = disk_.task(key);
  if (!watcher_ || stopped_ || row == nullptr) return;
  tell(event::RefreshAsked{key, row->record});
}

/// It is gone then; one registered anew meanwhile is another.
std::function<void()> World::deleting(const TaskKey& key) {
  const auto number = [this, key] {
    const TaskRow* row = disk_.task(key);
    return row == nullptr ? TaskNo{0} : row->no;
  };
  return [this, number, meant = number()] {
    if (meant != 0 && number() == meant) findings_.broken(clock_.now(), "deleted, and still there");
  };
}

}  // namespace mjwatchd::sim

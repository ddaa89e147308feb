// How apps reach a daemon.
#include <utility>

#include "tests/sim/cluster.hpp"

namespace mjwatchd::sim {
using namespace std::chrono_literals;

Apps::Doors Cluster::doors() {
  return {[this](Wish wish) { ask(std::move(wish)); }, [this](const TaskKey& key) { refresh(key); },
          [this] { return kBeginning + clock_.now(); },
          [this](const TaskKey& key) { return [this, key] { sharing_rules_.deleted(key); }; }};
}

/// Of whichever daemon answers the door; one that is paused lets it wait, and one that hangs is given up.
void Cluster::ask(Wish wish) {
  Daemon& daemon = daemons_[dice_.below(daemons_.size())];
  if (!daemon.watcher || daemon.stopped || !daemon.session->taken_up()) {
    return apps_.ask_at(clock_.now() + dice_.between(100ms, 3s), std::move(wish));
  }
  const Ticket ticket = ++last_ticket_;
  wish.ask(ticket, daemon.inbox);
  plan_step(daemon);
  daemon.wishes.emplace(ticket, std::move(wish));
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

}  // namespace mjwatchd::sim

#include <cassert>
#include <utility>

#include "daemon/core/finding.hpp"
#include "daemon/core/watcher_impl.hpp"

namespace mjwatchd {

void Watcher::Impl::news(Poller& poller, const Poller::News& news) {
  const Ref ref{&poller, news.slot, poller.tasks()[news.slot].generation};
  const Task& task = task_of(ref);
  assert(task.phase == Phase::watching && task.place == TaskPlace::asked);
  if (news.snapshot == nullptr) {
    auto& change = new_change<change::Task>();
    change.key = key_of(ref);
    change.phase = Phase::done;
    change.ending = Ending::lost;
    change.events = {EventType::lost};
    change.at = now_.wall;
    return change_task(ref, change, std::nullopt);
  }
  auto& change = new_change<change::Task>();
  if (!find_change(task, std::move(*news.snapshot), settings_.watch, now_, change)) {
    out_->pop_back();
    return poller.unchanged(news.slot, news.look, now_);
  }
  change.key = key_of(ref);
  change_task(ref, change, news.look);
}

void Watcher::Impl::expire(const Ref& ref) {
  auto& change = new_change<change::Task>();
  change.key = key_of(ref);
  change.phase = Phase::done;
  change.ending = Ending::expired;
  change.events = {EventType::expired};
  change.at = now_.wall;
  change_task(ref, change, std::nullopt);
}

}  // namespace mjwatchd

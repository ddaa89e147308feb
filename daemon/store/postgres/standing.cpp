#include "daemon/store/postgres/standing.hpp"

#include <algorithm>

namespace mjwatchd::store::postgres {

void Standing::begin(DaemonNo no, Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  no_ = no;
  until_ = until.time_since_epoch().count();
  let_go_ = false;
}

bool Standing::renew(Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  if (let_go_) return false;
  until_ = until.time_since_epoch().count();
  return true;
}

bool Standing::still(DaemonNo no) const {
  const std::lock_guard lock(mutex_);
  return !let_go_ && no_ == no;
}

void Standing::hold(TaskNo task, TaskKey key, bool live) {
  const std::lock_guard lock(mutex_);
  if (const auto found = tasks_.find(task); found != tasks_.end()) static_cast<void>(forget(found));
  tasks_.emplace(task, Held{std::move(key), live});
  live_ += live ? 1 : 0;
}

void Standing::ended(TaskNo task, bool deliveries) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  no_longer_live(found->second);
  if (!deliveries) tasks_.erase(found);
}

void Standing::no_longer_live(Held& held) {
  live_ -= held.live ? 1 : 0;
  held.live = false;
}

TaskKey Standing::forget(Tasks::iterator held) {
  no_longer_live(held->second);
  TaskKey key = std::move(held->second.key);
  tasks_.erase(held);
  return key;
}

std::optional<TaskKey> Standing::let_go(TaskNo task) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return std::nullopt;
  return forget(found);
}

std::vector<TaskNo> Standing::done_ones() const {
  const std::lock_guard lock(mutex_);
  std::vector<TaskNo> list;
  for (const auto& [no, held] : tasks_) {
    if (!held.live) list.push_back(no);
  }
  return list;
}

std::vector<Event> Standing::let_all_go() {
  const std::lock_guard lock(mutex_);
  std::vector<Event> events;
  events.reserve(tasks_.size() + alone_.size());
  for (auto& [no, held] : tasks_) events.emplace_back(event::Released{std::move(held.key), no});
  for (const DeliveryNo no : alone_) events.emplace_back(event::DeliveryReleased{no});
  tasks_.clear();
  live_ = 0;
  alone_.clear();
  let_go_ = true;
  until_ = 0;
  return events;
}

void Standing::hold_delivery(DeliveryNo delivery) {
  const std::lock_guard lock(mutex_);
  alone_.push_back(delivery);
}

void Standing::seen(std::vector<Member> members) {
  const std::lock_guard lock(mutex_);
  members_ = std::move(members);
  seen_at_ = Clock::now();
}

Sharing Standing::sharing() const {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  Sharing sharing{members_, live_, {}};
  const auto since = std::chrono::floor<milliseconds>(now - seen_at_);
  for (Member& member : sharing.members) member.silent += since;
  const auto left = Clock::time_point(Clock::duration(until_.load())) - now;
  sharing.surely = std::max(std::chrono::floor<milliseconds>(left), milliseconds(0));
  return sharing;
}

void Standing::away(std::string why) {
  const std::lock_guard lock(mutex_);
  away_ = std::move(why);
}

std::string Standing::away() const {
  const std::lock_guard lock(mutex_);
  return away_;
}

}  // namespace mjwatchd::store::postgres

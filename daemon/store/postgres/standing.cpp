#include "daemon/store/postgres/standing.hpp"

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
  tasks_.insert_or_assign(task, Held{std::move(key), live});
}

void Standing::ended(TaskNo task, bool deliveries) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  found->second.live = false;
  if (!deliveries) tasks_.erase(found);
}

std::optional<TaskKey> Standing::let_go(TaskNo task) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return std::nullopt;
  TaskKey key = std::move(found->second.key);
  tasks_.erase(found);
  return key;
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
  alone_.clear();
  let_go_ = true;
  until_ = 0;
  return events;
}

void Standing::hold_delivery(DeliveryNo delivery) {
  const std::lock_guard lock(mutex_);
  alone_.push_back(delivery);
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

#include "daemon/store/postgres/holdings.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <utility>

namespace mjwatchd::store::postgres {

std::size_t Holdings::ByName::operator()(const TaskKey* key) const {
  const std::hash<std::string> hash;
  return hash(key->id) * 31 + hash(key->gateway);
}

void Holdings::hold(TaskNo task, const TaskKey& key, bool live) {
  const std::lock_guard lock(mutex_);
  put(task, key, live);
}

void Holdings::hold_new(TaskNo task, const TaskKey& key) {
  const std::lock_guard lock(mutex_);
  put(task, key, true);
  tasks_.at(task).delivers = false;
}

void Holdings::delivers(TaskNo task) {
  const std::lock_guard lock(mutex_);
  if (const auto found = tasks_.find(task); found != tasks_.end()) found->second.delivers = true;
}

void Holdings::hold_again(TaskNo task, const TaskKey& key, bool live) {
  const std::lock_guard lock(mutex_);
  if (!given_up_.contains(task)) put(task, key, live);
}

void Holdings::put(TaskNo task, const TaskKey& key, bool live) {
  if (const auto found = tasks_.find(task); found != tasks_.end()) erase(found);
  // Of one that had this name before only deliveries are left.
  if (const auto before = names_.find(&key); before != names_.end()) {
    Held& other = tasks_.at(before->second);
    not_live(other);
    forget_name(other);
  }
  const auto held = tasks_.emplace(task, Held{key, live, true, Clock::now()}).first;
  names_.emplace(&held->second.key, task);
  live_ += live ? 1 : 0;
}

void Holdings::erase(Tasks::iterator held) {
  not_live(held->second);
  forget_name(held->second);
  tasks_.erase(held);
}

void Holdings::not_live(Held& held) {
  live_ -= held.live ? 1 : 0;
  held.live = false;
}

void Holdings::forget_name(Held& held) {
  if (held.key.id.empty()) return;
  names_.erase(&held.key);
  held.key = {};
}

void Holdings::hold_delivery(DeliveryNo delivery) {
  const std::lock_guard lock(mutex_);
  alone_[delivery] = Clock::now();
}

void Holdings::ended(TaskNo task) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  not_live(found->second);
  if (!found->second.delivers) erase(found);
}

std::optional<TaskKey> Holdings::deleted(TaskNo task) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end() || found->second.key.id.empty()) return std::nullopt;
  TaskKey key = found->second.key;
  not_live(found->second);
  forget_name(found->second);
  return key;
}

std::vector<Event> Holdings::give_up(const std::vector<TaskNo>& tasks) {
  const std::lock_guard lock(mutex_);
  std::vector<Event> events;
  for (const TaskNo no : tasks) {
    const auto found = tasks_.find(no);
    if (found == tasks_.end()) continue;
    events.emplace_back(event::Released{found->second.key, no});
    given_up_.insert(no);
    erase(found);
  }
  return events;
}

void Holdings::gave_up() {
  const std::lock_guard lock(mutex_);
  given_up_.clear();
}

std::vector<Event> Holdings::release_all() {
  const std::lock_guard lock(mutex_);
  std::vector<Event> events;
  events.reserve(tasks_.size() + alone_.size());
  names_.clear();
  for (auto& [no, held] : tasks_) events.emplace_back(event::Released{std::move(held.key), no});
  for (const auto& [no, since] : alone_) events.emplace_back(event::DeliveryReleased{no});
  tasks_.clear();
  alone_.clear();
  given_up_.clear();
  live_ = 0;
  return events;
}

/// What is held by its receiver is nobody's, and known to all.
bool Holdings::ours(const DeliveryRecord& delivery) const {
  return delivery.state != DeliveryState::pending || tasks_.contains(delivery.task) || alone_.contains(delivery.no);
}

void Holdings::keep_own(std::vector<Event>& page) const {
  const std::lock_guard lock(mutex_);
  std::erase_if(page, [this](const Event& event) {
    if (const auto* task = std::get_if<event::Adopted>(&event)) return !names_.contains(&task->task.key);
    const auto* delivery = std::get_if<event::DeliveryAdopted>(&event);
    return delivery != nullptr && !ours(delivery->delivery);
  });
}

// A task that nobody could watch here any more was registered all the same: who takes its lease takes it up.
void Holdings::keep_own(bool fresh, CommitResult& result) const {
  fresh = fresh && result.code == CommitResult::Code::done && result.task;
  if (!fresh && result.deliveries.empty()) return;
  const std::lock_guard lock(mutex_);
  if (fresh && !names_.contains(&result.task->key)) result.code = CommitResult::Code::existing;
  const auto others = std::stable_partition(result.deliveries.begin(), result.deliveries.end(),
                                            [this](const DeliveryRecord& one) { return ours(one); });
  std::move(others, result.deliveries.end(), std::back_inserter(result.elsewhere));
  result.deliveries.erase(others, result.deliveries.end());
}

TaskNo Holdings::number_of(const TaskKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(&key);
  return found == names_.end() ? 0 : found->second;
}

bool Holdings::holds(TaskNo task) const {
  const std::lock_guard lock(mutex_);
  return tasks_.contains(task);
}

std::size_t Holdings::live() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

std::vector<TaskNo> Holdings::tasks() const {
  const std::lock_guard lock(mutex_);
  std::vector<TaskNo> list;
  list.reserve(tasks_.size());
  for (const auto& [no, held] : tasks_) list.push_back(no);
  return list;
}

std::vector<TaskNo> Holdings::done_ones() const {
  const std::lock_guard lock(mutex_);
  std::vector<TaskNo> list;
  for (const auto& [no, held] : tasks_) {
    if (!held.live) list.push_back(no);
  }
  return list;
}

std::vector<DeliveryNo> Holdings::deliveries() const {
  const std::lock_guard lock(mutex_);
  std::vector<DeliveryNo> list;
  for (const auto& [no, since] : alone_) list.push_back(no);
  return list;
}

void Holdings::settled(const std::vector<TaskNo>& tasks, Clock::time_point seen) {
  const std::lock_guard lock(mutex_);
  for (const TaskNo no : tasks) {
    const auto found = tasks_.find(no);
    if (found != tasks_.end() && !found->second.live && found->second.since < seen) erase(found);
  }
}

void Holdings::settled_deliveries(const std::vector<DeliveryNo>& deliveries, Clock::time_point seen) {
  const std::lock_guard lock(mutex_);
  for (const DeliveryNo no : deliveries) {
    const auto found = alone_.find(no);
    if (found != alone_.end() && found->second < seen) alone_.erase(found);
  }
}

}  // namespace mjwatchd::store::postgres

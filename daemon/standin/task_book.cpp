#include "daemon/standin/task_book.hpp"

#include <algorithm>

namespace mjwatchd::standin {

namespace {

bool ends(const std::string& status) { return status == "SUCCESS" || status == "FAILURE" || status == "CANCEL"; }

milliseconds scaled(milliseconds time, double speed) {
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(time.count()) / speed));
}

}  // namespace

Sight BookedTask::at(Moment now) const {
  Sight sight{script.steps.front().status, script.steps.front().progress, begin, std::nullopt, std::nullopt};
  for (const auto& step : script.steps) {
    const auto when = begin + scaled(step.at, speed);
    if (when > now) break;
    sight.status = step.status;
    sight.progress = step.progress;
    if (!sight.started && (step.status == "IN_PROGRESS" || ends(step.status))) sight.started = when;
    if (!sight.finished && ends(step.status)) sight.finished = when;
  }
  return sight;
}

Moment BookedTask::end() const { return begin + scaled(script.steps.back().at, speed); }

bool TaskBook::put(Script script, Moment begin) {
  if (script.steps.empty()) return false;
  if (tasks_.size() >= kMost && !tasks_.contains(script.id)) return false;
  std::string id = script.id;
  tasks_.insert_or_assign(std::move(id), BookedTask{std::move(script), begin, speed_});
  return true;
}

bool TaskBook::add(Script script) {
  const auto begin = start_ + scaled(script.submit, speed_);
  return put(std::move(script), begin);
}

bool TaskBook::add_now(Script script, Moment now) { return put(std::move(script), now); }

const BookedTask* TaskBook::find(std::string_view id, Moment now) const {
  const auto found = tasks_.find(std::string(id));
  if (found == tasks_.end() || found->second.begin > now) return nullptr;
  return &found->second;
}

std::vector<std::string> TaskBook::ids() const {
  std::vector<std::string> all;
  all.reserve(tasks_.size());
  for (const auto& [id, task] : tasks_) all.push_back(id);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace mjwatchd::standin

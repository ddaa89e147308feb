#include "tests/sim/rules.hpp"

#include <algorithm>
#include <utility>

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;

constexpr std::size_t kMostSaves = 256;
constexpr milliseconds kGapSlack = 1s;
constexpr milliseconds kMemoryLost = 30min;

}  // namespace

Rules::Rules(const Scenario& scenario, const Clockwork& clock, Findings& findings, const Disk& disk,
             const FakeReceivers& receivers, const Gateways& gateways)
    : scenario_(scenario),
      clock_(clock),
      findings_(findings),
      disk_(disk),
      receivers_(receivers),
      gateways_(gateways),
      chains_(scenario.receivers.size()) {
  for (const TaskPlan& task : scenario.tasks) {
    tasks_[task.registration.key.id].plan = &task;
    ++tasks_of_[task.registration.key.gateway];
  }
}

Rules::Task* Rules::find(std::string_view gateway, std::string_view id) {
  Task& found = tasks_[id];
  if (found.plan == nullptr) return nullptr;
  const TaskKey& key = found.plan->registration.key;
  return key.id == id && key.gateway == gateway ? &found : nullptr;
}

const TaskPlan* Rules::plan(const TaskKey& key) const {
  const Task* found = tasks_.find(key.id);
  return found != nullptr && found->plan != nullptr && found->plan->registration.key == key ? found->plan : nullptr;
}

void Rules::booted() {
  booted_ = clock_.now();
  for (Task& task : tasks_.all()) {
    task.now = Watched{};
    if (!task.promised || disk_.task(task.plan->registration.key) != nullptr) continue;
    broken(text(task.plan->registration.key) + " was called registered, and is gone");
  }
  stopped_ = false;
  last_change_ = 0;
  lines_.clear();
  for (const auto& [name, plan] : scenario_.gateways) {  // it sees only now what is missing
    if (plan.forgetful && plan.forgetful->has(clock_.now())) forgets(name);
  }
  saves_ = 0;
  flying_.clear();
  flying_to_.clear();
  chains_.clear();
}

void Rules::reconfigured() {
  // A gateway that comes back has a fresh budget, and all its tasks are new to it.
  for (auto& [name, line] : lines_) {
    line.limits = nullptr;
    line.bound = clock_.now();
    line.calls.clear();
    line.busy_until = 0ms;
  }
  for (Task& task : tasks_.all()) {
    Gap& gap = task.now.gap;
    gap.asked = clock_.now();
    gap.stranger = gap.in_call || gap.settling;
  }
}

// ---- asking

void Rules::called(const std::string& gateway, const std::vector<std::string>& ids, bool batch,
                   const Settings& settings) {
  if (stopped_) broken(gateway + " is called after the stop");
  Line& line = lines_[gateway];
  const GatewaySettings* const limits = limits_of(line, gateway, settings);
  if (limits == nullptr) return broken(gateway + " is called, and not configured");
  if (++line.in_flight > limits->max_in_flight) broken(gateway + " has too many calls in flight");
  line.calls.push_back(clock_.now());
  while (clock_.now() - line.calls.front() >= 60s) line.calls.pop_front();
  if (line.calls.size() > limits->max_calls_per_minute) broken(gateway + " is called too often in a minute");
  if (ids.empty() || ids.size() > (batch ? limits->batch : 1)) broken(gateway + ": a batch too large");
  // A budget's burst, a twentieth of it, is spent by as many calls within a moment (core/call_budget.hpp).
  const std::size_t burst = std::clamp<std::size_t>(limits->max_calls_per_minute / 20, 1, 10);
  if (line.calls.size() >= burst) line.busy_until = line.calls[line.calls.size() - burst] + 7s;
  ++calls_;
  for (const std::string& id : ids) {
    Task* const task = find(gateway, id);
    if (task == nullptr) return broken(gateway + " is asked for " + id + ", which nobody has registered");
    Watched& watched = task->now;
    Gap& gap = watched.gap;
    gap.known = true;
    if (std::exchange(watched.asked_in, calls_) == calls_) broken(gateway + ": an id twice in a call");
    if ((gap.in_call || gap.settling) && !task->plan->deleted_at) broken(id + " is asked for while it is out");
    gap.asked = clock_.now();
    gap.in_call = true;
    // Asked again before it came to the new schedule.
    gap.stranger = gap.stranger && (gap.apart || clock_.now() < gap.free);
  }
}

void Rules::replied(const std::string& gateway, const std::vector<std::string>& ids, bool batch,
                    const FetchReply& reply) {
  Line& line = lines_[gateway];
  --line.in_flight;
  line.troubled = line.troubled || reply.verdict != FetchReply::Verdict::answered;
  const bool tells =
      reply.verdict == FetchReply::Verdict::answered || reply.verdict == FetchReply::Verdict::unknown_task;
  ++replies_;
  for (const Snapshot& seen : reply.tasks) tasks_[seen.id].now.told_in = replies_;
  for (const std::string& id : ids) {
    Watched& watched = tasks_[id].now;
    const bool told = watched.told_in == replies_;
    watched.gap.in_call = false;
    watched.gap.apart = batch && !(tells && told);
    freed(watched.gap);
    if (!tells) continue;
    if (told) {
      watched.missing.reset();
    } else {
      if (!watched.missing) watched.missing = Missing{clock_.now(), false};
      watched.missing->alone = !batch;
    }
  }
}

void Rules::adopted(const TaskKey& key) {
  watched(key).gap = Gap{.asked = clock_.now(), .free = clock_.now(), .known = true};
}

void Rules::committed(const TaskKey& key) {
  Gap& gap = watched(key).gap;
  gap.known = true;
  gap.settling = false;
  freed(gap);
}

void Rules::freed(Gap& gap) const { gap.free = std::max(gap.free, clock_.now() + (gap.stranger ? 2s : 0s)); }

void Rules::look(const Watcher& watcher, const Settings& settings) {
  if (stopped_) return;
  if (strained(settings)) look_at_lines(watcher, settings);
  if (clock_.now() - gaps_checked_ >= 300ms) check_gaps(watcher, settings);
}

/// Nothing when the gateway isn't configured.
const GatewaySettings* Rules::limits_of(Line& line, const std::string& gateway, const Settings& settings) {
  if (line.limits != nullptr) return line.limits;
  const auto found = settings.gateways.find(gateway);
  return line.limits = found == settings.gateways.end() ? nullptr : &found->second;
}

/// Whether there is anything to be seen at the lines: looking at them costs more than all else here.
bool Rules::strained(const Settings& settings) {
  for (auto& [name, line] : lines_) {
    const GatewaySettings* const limits = limits_of(line, name, settings);
    if (limits == nullptr) continue;
    if (line.troubled || line.in_flight >= limits->max_in_flight || clock_.now() < line.busy_until) return true;
  }
  return false;
}

void Rules::look_at_lines(const Watcher& watcher, const Settings& settings) {
  for (const GatewayView& view : watcher.gateways()) {
    const auto limits = settings.gateways.find(view.name);
    if (limits == settings.gateways.end()) continue;
    Line& line = lines_[view.name];
    const milliseconds last_call = line.calls.empty() ? -1h : line.calls.back();
    const bool full = view.in_flight >= limits->second.max_in_flight;
    const bool spent = view.budget_left < 1 && clock_.now() - last_call < 7s;
    line.troubled = view.state != "up";
    if (full || spent || line.troubled) line.bound = clock_.now();
  }
}

void Rules::check_gaps(const Watcher& watcher, const Settings& settings) {
  gaps_checked_ = clock_.now();
  if (clock_.now() <= no_gap_before_) return;
  no_gap_before_ = clock_.now() + kGapSlack;  // of those that are known from now on
  std::vector<TaskKey> late;
  for (const std::size_t place : disk_.watching()) {
    const Gap& gap = tasks_.at(place).now.gap;
    if (!gap.known) continue;
    const milliseconds due = std::max(gap.asked + settings.watch.max_gap, gap.free);
    no_gap_before_ = std::min(no_gap_before_, due + kGapSlack);
    if (gap.in_call || gap.settling) continue;
    if (clock_.now() <= due + kGapSlack) continue;
    const TaskKey& key = disk_.tasks().at(place).record.key;
    if (!settings.gateways.contains(key.gateway)) continue;
    if (lines_[key.gateway].bound >= due - settings.watch.max_gap) continue;
    if (plan(key) == nullptr || plan(key)->deleted_at) continue;  // may be one that had its name before
    if (watcher.holds(key)) late.push_back(key);
  }
  std::sort(late.begin(), late.end());
  for (const TaskKey& key : late) {
    broken(text(key) + " was not asked for since " + std::to_string(watched(key).gap.asked.count()) + " ms");
  }
}

// ---- what is committed

void Rules::persisting(ChangeNo no) {
  if (no <= last_change_) broken("change " + std::to_string(no) + " has the number of another");
  last_change_ = no;
}

void Rules::committing(const change::Task& change, WallTime wall) {
  Gap& gap = watched(change.key).gap;
  gap.known = gap.settling = true;
  // It has expired while it was out: what the call brings counts for nothing, and should the disk be full, it is asked
  // for anew.
  if (change.ending == Ending::expired) gap.in_call = false;
  if (change.ending != Ending::none) check_ending(change, wall);
  if (change.images && !change.images->images.empty()) {
    const Task* task = find(change.key.gateway, change.key.id);
    if (task == nullptr || !task->placed) {
      broken(text(change.key) + " is announced with a picture that is not in place");
    }
  }
  if (change.phase != Phase::watching && change.phase != Phase::done && change.snapshot &&
      change.snapshot->status != Status::success) {
    broken(text(change.key) + " is saved without success");
  }
}

void Rules::check_ending(const change::Task& change, WallTime wall) {
  const Status truth = gateways_.at(change.key.gateway)->truth(change.key.id);
  switch (change.ending) {
    case Ending::succeeded:
      if (truth != Status::success) broken(text(change.key) + " is called a success");
      return;
    case Ending::failed:
      if (truth != Status::failure) broken(text(change.key) + " is called a failure");
      return;
    case Ending::cancelled:
      if (truth != Status::cancel) broken(text(change.key) + " is called cancelled");
      return;
    case Ending::expired: {
      check_noticed(change.key);
      const TaskRow* row = disk_.task(change.key);
      if (row == nullptr || scenario_.clock_jumps != 0ms || !scenario_.clock_steps.empty()) return;
      if (wall < row->record.expire_at) broken(text(change.key) + " expires early");
      return;
    }
    case Ending::lost:
      return check_lost(change.key);
    case Ending::none:
      return;
  }
}

/// In calm weather an end is noticed long before a task expires.
void Rules::check_noticed(const TaskKey& key) {
  const auto ended = gateways_.at(key.gateway)->ended(key.id);
  const GatewaySettings& limits = scenario_.settings.gateways.at(key.gateway);
  const std::size_t beside = tasks_of_[key.gateway];
  if (!ended || beside > std::size_t{5} * limits.max_calls_per_minute) return;
  if (clock_.now() > std::max({*ended, scenario_.calm_at, booted_}) + 20min) {
    broken(text(key) + " expires, and ended long ago");
  }
}

void Rules::check_lost(const TaskKey& key) {
  const std::optional<Missing>& missing = watched(key).missing;
  if (!missing || !missing->alone || clock_.now() - missing->since < scenario_.settings.watch.missing_grace) {
    broken(text(key) + " is called lost too soon");
  }
  const TaskPlan* task = plan(key);
  const auto& forgetful = scenario_.gateways.at(key.gateway).forgetful;
  if (task == nullptr || task->absent || !forgetful || task->submitted >= forgetful->from) return;
  if (lines_[key.gateway].known < 40 || clock_.now() >= forgetful->from + kMemoryLost) return;
  const Memory memory = memory_of(key.gateway);
  if (2 * memory.forgotten > memory.all) {
    broken(text(key) + " is called lost though it was the gateway that lost its memory");
  }
}

void Rules::forgets(const std::string& gateway) { lines_[gateway].known = memory_of(gateway).forgotten; }

/// Those that came since the loss are shown; where they are more, nobody can tell that there was one.
Rules::Memory Rules::memory_of(const std::string& gateway) const {
  Memory memory;
  for (const TaskRow& row : disk_.tasks().all()) {
    const TaskRecord& record = row.record;
    if (row.no == 0 || record.key.gateway != gateway) continue;
    if (record.phase != Phase::watching || record.digest == 0) continue;
    ++memory.all;
    const TaskPlan* task = plan(record.key);
    if (task != nullptr && task->submitted < scenario_.gateways.at(gateway).forgetful->from) ++memory.forgotten;
  }
  return memory;
}

// ---- pictures

void Rules::saving(const action::SaveImage& action, const Settings& settings) {
  if (stopped_) broken(text(action.key) + " is saved after the stop");
  if (!settings.gateways.contains(action.key.gateway)) broken(text(action.key) + " is saved, its gateway is gone");
  if (std::exchange(watched(action.key).saving, true)) broken(text(action.key) + " is saved twice at once");
  if (++saves_ > kMostSaves) broken("too many saves at once");
  const TaskRow* row = disk_.task(action.key);
  if (row == nullptr) return;  // deleted: the core is about to hear of it
  const TaskRecord& record = row->record;
  if (record.status != Status::success) broken(text(action.key) + " is saved before its success is committed");
  if (record.link_expires_at && action.deadline > *record.link_expires_at) {
    broken(text(action.key) + " is saved as if its links lived longer");
  }
}

void Rules::saved(const TaskKey& key, SaveVerdict verdict) {
  Task& task = tasks_[key.id];
  task.now.saving = false;
  --saves_;
  if (verdict == SaveVerdict::saved) task.placed = true;
}

}  // namespace mjwatchd::sim

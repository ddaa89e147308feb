#include "tests/sim/fake_gateway.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;
using Verdict = FetchReply::Verdict;
constexpr milliseconds kTimeout = 30s;
}  // namespace

FakeGateway::FakeGateway(std::string name, const Scenario& scenario, Clockwork& clock, WallTime wall)
    : name_(std::move(name)),
      scenario_(scenario),
      plan_(scenario.gateways.at(name_)),
      clock_(clock),
      wall_(wall),
      dice_(scenario.seed ^ std::hash<char>{}(name_.back()) << 8U) {
  for (const TaskPlan& task : scenario.tasks) {
    if (task.registration.key.gateway == name_) tasks_[task.registration.key.id] = &task;
  }
}

void FakeGateway::fetch(bool batch, std::vector<std::string> ids, Done done) {
  const milliseconds takes = dice_.between(plan_.fastest, plan_.slowest);
  if (!calm_ && (mood() == Mood::down || dice_.chance(plan_.drops))) {
    const milliseconds fails = dice_.chance(50) ? kTimeout : takes;  // or the connection breaks
    return clock_.in(fails, [ids = std::move(ids), done = std::move(done)] {
      FetchReply none;
      none.detail = "timeout";
      done(ids, std::move(none));
    });
  }
  // It looks at a moment between the two.
  const milliseconds until = clock_.now() + takes;
  clock_.in(dice_.between(0ms, takes), [this, batch, until, ids = std::move(ids), done = std::move(done)]() mutable {
    FetchReply reply = answer(batch, ids);
    clock_.at(until, [ids = std::move(ids), done = std::move(done), reply = std::move(reply)]() mutable {
      done(ids, std::move(reply));
    });
  });
}

Mood FakeGateway::mood() const {
  if (calm_) return Mood::well;
  for (const Spell& spell : plan_.spells) {
    if (spell.when.has(clock_.now())) return spell.mood;
  }
  return Mood::well;
}

FetchReply FakeGateway::answer(bool batch, const std::vector<std::string>& ids) {
  FetchReply reply;
  reply.verdict = Verdict::answered;
  reply.http_status = 200;
  reply.gateway_clock =
      std::chrono::floor<std::chrono::seconds>(wall_ + clock_.now() + plan_.clock_ahead);  // Date has whole seconds
  if (moody(reply) || dislikes(batch, ids, reply)) return reply;
  reply.tasks.reserve(ids.size());
  for (const std::string& id : ids) {
    const TaskPlan& task = *plan(id);
    if (!look(task, reply.tasks)) continue;
    const bool twice = batch && dice_.chance(1);  // and not always alike
    if (twice && look(task, reply.tasks)) std::iter_swap(reply.tasks.end() - 2, reply.tasks.end() - 1);
  }
  if (batch && dice_.chance(1)) {
    reply.tasks.emplace_back();
    reply.tasks.back().id = "nobody-asked";
    reply.tasks.back().status = Status::success;
  }
  if (batch) shuffle(reply.tasks);
  if (!batch && reply.tasks.empty()) reply.verdict = Verdict::unknown_task;
  return reply;
}

void FakeGateway::shuffle(std::vector<Snapshot>& tasks) {
  order_.resize(tasks.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[dice_.below(i)]);
  std::vector<Snapshot> shuffled;
  shuffled.reserve(tasks.size());
  for (const std::size_t place : order_) shuffled.push_back(std::move(tasks[place]));
  tasks = std::move(shuffled);
}

bool FakeGateway::moody(FetchReply& reply) {
  switch (mood()) {
    case Mood::well:
      return false;
    case Mood::refusing:
      reply.verdict = Verdict::refused;
      return true;
    case Mood::throttling:
      reply.retry_after = dice_.between(0ms, 30s);
      [[fallthrough]];
    case Mood::throttling_mutely:
      reply.verdict = Verdict::throttled;
      return true;
    case Mood::broken:
      reply.verdict = dice_.chance(50) ? Verdict::failed : Verdict::unavailable;
      return true;
    case Mood::html:
      reply.verdict = Verdict::nonsense;
      reply.detail = "HTML";
      return true;
    case Mood::down:
      reply.verdict = Verdict::unavailable;
      return true;
  }
  return false;
}

bool FakeGateway::dislikes(bool batch, const std::vector<std::string>& ids, FetchReply& reply) {
  if (!batch) return false;
  if (!plan_.batches) {
    reply.verdict = Verdict::unsupported;
    return true;
  }
  const auto poison = [this](const std::string& id) {
    const TaskPlan* task = plan(id);
    return task != nullptr && task->poison;
  };
  if (std::none_of(ids.begin(), ids.end(), poison)) return false;
  reply.verdict = plan_.poison_status == 400 ? Verdict::rejected : Verdict::failed;
  reply.detail = "poison";
  return true;
}

const TaskPlan* FakeGateway::plan(const std::string& id) const {
  const TaskPlan* const* found = tasks_.find(id);
  return found == nullptr ? nullptr : *found;
}

const Stage* FakeGateway::stage(const TaskPlan& plan, milliseconds when) const {
  const Stage* present = nullptr;
  for (const Stage& one : plan.stages) {  // they are in order
    if (plan.submitted + one.after > when) break;
    present = &one;
  }
  return present;
}

Status FakeGateway::truth(const std::string& id) const {
  const TaskPlan* task = plan(id);
  const Stage* present = task == nullptr ? nullptr : stage(*task, clock_.now());
  return present == nullptr ? Status::unknown : present->status;
}

std::optional<milliseconds> FakeGateway::ended(const std::string& id) const {
  const TaskPlan& task = *plan(id);
  if (!is_final(truth(id)) || task.absent || plan_.forgetful) return std::nullopt;
  return task.submitted + stage(task, clock_.now())->after;
}

bool FakeGateway::knows(const TaskPlan& task, milliseconds when) const {
  if (task.submitted > when || (task.absent && task.absent->has(when))) return false;
  return !plan_.forgetful || !plan_.forgetful->has(when) || task.submitted >= plan_.forgetful->from;
}

/// Adds what it tells of the task; false when it does not know it.
bool FakeGateway::look(const TaskPlan& task, std::vector<Snapshot>& told) {
  milliseconds when = clock_.now();
  if (!knows(task, when)) return false;
  // From a cache, or from another server that lags behind.
  if (!calm_ && dice_.chance(plan_.stale)) when = std::max(task.submitted, when - dice_.between(0ms, 60s));
  const Stage& present = *stage(task, when);
  Snapshot& seen = told.emplace_back();
  seen.id = task.registration.key.id;
  seen.status = present.status;
  seen.progress = present.progress;
  if (!is_final(seen.status) && dice_.chance(3)) seen.progress.reset();  // an emptier reply
  seen.submitted = wall_ + task.submitted + plan_.clock_ahead;
  const auto begun = std::find_if(task.stages.begin(), task.stages.end(),
                                  [](const Stage& one) { return one.status == Status::submitted; });
  if (begun != task.stages.end() && &*begun <= &present) {
    seen.started = wall_ + task.submitted + begun->after + plan_.clock_ahead;  // some say so when they take it in
  }
  if (is_final(seen.status)) seen.finished = wall_ + task.submitted + present.after + plan_.clock_ahead;
  seen.digest = 1 + static_cast<std::uint64_t>(present.status) * 1000 + present.progress.value_or(200);
  if (seen.progress != present.progress) ++seen.digest;
  return true;
}

}  // namespace mjwatchd::sim

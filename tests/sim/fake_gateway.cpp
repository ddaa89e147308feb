#include "tests/sim/fake_gateway.hpp"

#include <algorithm>
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

void FakeGateway::fetch(Call call, Done done) {
  const std::size_t place = calls_.take();
  UnderWay& one = calls_[place];
  one.call = std::move(call);
  one.done = std::move(done);
  one.reply = FetchReply{};
  const milliseconds takes = dice_.between(plan_.fastest, plan_.slowest);
  if (!calm_ && (mood() == Mood::down || dice_.chance(plan_.drops))) {
    one.reply.detail = "timeout";
    return clock_.in(dice_.chance(50) ? kTimeout : takes, [this, place] { end(place); });  // or the connection breaks
  }
  // It looks at a moment between the two.
  const milliseconds until = clock_.now() + takes;
  clock_.in(dice_.between(0ms, takes), [this, place, until] {
    answer(calls_[place].call, calls_[place].reply);
    clock_.at(until, [this, place] { end(place); });
  });
}

void FakeGateway::end(std::size_t place) {
  UnderWay& one = calls_[place];
  one.done(*this, one.call, std::move(one.reply));
  calls_.give_back(place);
}

Mood FakeGateway::mood() const {
  if (calm_) return Mood::well;
  for (const Spell& spell : plan_.spells) {
    if (spell.when.has(clock_.now())) return spell.mood;
  }
  return Mood::well;
}

void FakeGateway::answer(const Call& call, FetchReply& reply) {
  reply.verdict = Verdict::answered;
  reply.http_status = 200;
  reply.gateway_clock =
      std::chrono::floor<std::chrono::seconds>(wall_ + clock_.now() + plan_.clock_ahead);  // Date has whole seconds
  asked_.clear();
  for (const std::string& id : call.ids) asked_.push_back(plan(id));
  if (moody(reply) || dislikes(call, reply)) return;
  look_at_all(call);
  if (call.batch) shuffle();
  reply.tasks.reserve(seen_.size());
  for (const Glance& glance : seen_) tell(glance, reply.tasks.emplace_back());
  if (!call.batch && reply.tasks.empty()) reply.verdict = Verdict::unknown_task;
}

void FakeGateway::look_at_all(const Call& call) {
  seen_.clear();
  for (const TaskPlan* task : asked_) {
    if (!look(*task)) continue;
    const bool twice = call.batch && dice_.chance(1);  // and not always alike
    if (twice && look(*task)) std::iter_swap(seen_.end() - 2, seen_.end() - 1);
  }
  if (call.batch && dice_.chance(1)) seen_.emplace_back();
}

void FakeGateway::shuffle() {
  for (std::size_t i = seen_.size(); i > 1; --i) std::swap(seen_[i - 1], seen_[dice_.below(i)]);
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

bool FakeGateway::dislikes(const Call& call, FetchReply& reply) const {
  if (!call.batch) return false;
  if (!plan_.batches) {
    reply.verdict = Verdict::unsupported;
    return true;
  }
  const auto poison = [](const TaskPlan* task) { return task != nullptr && task->poison; };
  if (std::none_of(asked_.begin(), asked_.end(), poison)) return false;
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
bool FakeGateway::look(const TaskPlan& task) {
  milliseconds when = clock_.now();
  if (!knows(task, when)) return false;
  // From a cache, or from another server that lags behind.
  if (!calm_ && dice_.chance(plan_.stale)) when = std::max(task.submitted, when - dice_.between(0ms, 60s));
  const Stage& present = *stage(task, when);
  Glance& seen = seen_.emplace_back(Glance{&task, &present, present.progress});
  if (!is_final(present.status) && dice_.chance(3)) seen.progress.reset();  // an emptier reply
  return true;
}

void FakeGateway::tell(const Glance& glance, Snapshot& seen) const {
  if (glance.task == nullptr) {
    seen.id = "nobody-asked";
    seen.status = Status::success;
    return;
  }
  const TaskPlan& task = *glance.task;
  const Stage& present = *glance.stage;
  seen.id = task.registration.key.id;
  seen.status = present.status;
  seen.progress = glance.progress;
  const WallTime submitted = wall_ + task.submitted + plan_.clock_ahead;
  seen.submitted = submitted;
  const auto begun = std::find_if(task.stages.begin(), task.stages.end(),
                                  [](const Stage& one) { return one.status == Status::submitted; });
  if (begun != task.stages.end() && &*begun <= &present) {
    seen.started = submitted + begun->after;  // some say so when they take it in
  }
  if (is_final(seen.status)) seen.finished = submitted + present.after;
  seen.digest = 1 + static_cast<std::uint64_t>(present.status) * 1000 + present.progress.value_or(200);
  if (seen.progress != present.progress) ++seen.digest;
}

}  // namespace mjwatchd::sim

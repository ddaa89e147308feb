#include "daemon/core/schedule_adaptive.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace mjwatchd {
namespace {
using namespace std::chrono_literals;

/// A task whose age nobody told, or that was watched before, may be done already.
constexpr milliseconds kFirstLookOfUnknown = 2s;
/// What is hastened goes before all that waited for max_gap.
constexpr milliseconds kAhead = 24h;
constexpr std::size_t kLeastNear = 64;
constexpr std::size_t kAskMemoryAhead = 8;
constexpr int kMostParabolas = 8;

/// The reply is as of when the gateway made it: half-way, for all we know.
Time made(const Look& look) { return look.asked + (look.answered - look.asked) / 2; }

/// Rounded up; kNever beyond a year, infinity included.
Time later(Time from, float seconds) {
  constexpr float kYear = 3.15e7F;
  if (!(seconds < kYear)) return kNever;
  const float wait = seconds * 1000;
  const auto whole = static_cast<milliseconds::rep>(wait);
  return from + milliseconds(static_cast<float>(whole) < wait ? whole + 1 : whole);
}
}  // namespace

AdaptiveSchedule::AdaptiveSchedule(const GatewaySettings& gateway, const WatchSettings& watch)
    : batch_(std::max<std::size_t>(gateway.batch, 1)),
      near_most_(std::max(2 * batch_, kLeastNear)),
      call_cost_(std::max(seconds(gateway.call_cost), 0.001F)),
      max_gap_(watch.max_gap) {}

// ---- in and out

void AdaptiveSchedule::add(TaskSlot slot, const TaskFacts& facts, Time now) {
  Entry& e = entries_[slot];
  assert(e.place == Place::absent);
  clock_ = std::max(clock_, now);
  e.course = Course{};
  e.course.action = forecast_.action(facts.action) & 0x7FU;
  e.course.born = std::min(facts.submitted.value_or(now), now);
  e.course.keep_young(now);
  e.course.modal = facts.status == Status::modal;
  const bool fresh = facts.submitted && facts.status == Status::unknown;
  e.deadline = now + (fresh ? max_gap_ : std::min(kFirstLookOfUnknown, max_gap_));
  wait(slot, forecast_.outlook(e.course), Time::min());
}

void AdaptiveSchedule::looked(TaskSlot slot, const Look& look) {
  Entry& e = entries_[slot];
  assert(e.place == Place::out);
  heard(look);
  const Time when = made(look);
  const bool first = e.course.seen == Age(0);
  // Its user's pause is no part of a task's way, which begins anew after it.
  if (e.course.modal || look.status == Status::modal) {
    e.course = Course{.born = when, .action = e.course.action, .modal = look.status == Status::modal};
  } else {
    if (first && look.submitted) e.course.born = std::min(*look.submitted, when);
    e.course.keep_young(when);
    forecast_.unfinished(e.course, look, when);
  }
  e.deadline = look.asked + max_gap_;
  wait(slot, forecast_.outlook(e.course), Time::min());
}

void AdaptiveSchedule::ended(TaskSlot slot, const Look& look) {
  heard(look);
  Entry& e = entries_[slot];
  if (!e.course.modal) forecast_.ended(e.course, look, made(look));
  removed(slot);
}

void AdaptiveSchedule::heard(const Look& look) {
  clock_ = std::max(clock_, look.answered);
  const milliseconds took = made(look) - look.asked;
  // One slow reply must not hurry what follows it.
  transit_ = std::min(took, transit_ + (took - transit_) / 8 + 1ms);
}

void AdaptiveSchedule::put_back(TaskSlot slot, Time earliest) {
  assert(entries_[slot].place == Place::out);
  wait(slot, forecast_.outlook(entries_[slot].course), earliest);
}

void AdaptiveSchedule::removed(TaskSlot slot) {
  assert(entries_[slot].place != Place::absent);
  unplace(slot);
  entries_[slot].place = Place::absent;
  refill();
}

void AdaptiveSchedule::hasten(TaskSlot slot, Time now) {
  if (entries_[slot].place != Place::near && entries_[slot].place != Place::far) return;
  clock_ = std::max(clock_, now);
  unplace(slot);
  entries_[slot].deadline = now - kAhead;
  wait(slot, forecast_.outlook(entries_[slot].course), Time::min());
}

void AdaptiveSchedule::wait(TaskSlot slot, const Curve& curve, Time not_before) {
  Entry& e = entries_[slot];
  const float share = call_cost_ / static_cast<float>(batch_);
  const Time due = std::min(later(e.course.last_look(), curve.reaches(share)), Time(e.deadline));
  e.held = not_before > due;
  e.due = std::max(due, not_before);
  e.deadline = std::max(Time(e.deadline), not_before);
  if (e.deadline < Time(e.listed)) {
    e.listed = e.deadline;
    deadlines_.push({e.deadline, slot});
  }
  if (e.place == Place::out) --out_;
  ++waiting_;
  place(slot, curve);
}

void AdaptiveSchedule::place(TaskSlot slot, const Curve& curve) {
  Entry& e = entries_[slot];
  if (!all_near() && !near_.empty() && near_.back().before(e.due, slot)) {
    e.place = Place::far;
    far_.push({e.due, slot});
    return;
  }
  next_call_.reset();
  e.place = Place::near;
  near_.insert(e.due, slot, curve);
  if (near_.size() <= near_most_) return;
  const NearList::Item last = near_.back();
  near_.pop_back();
  entries_[last.slot].place = Place::far;
  far_.push({last.due, last.slot});
}

void AdaptiveSchedule::unplace(TaskSlot slot) {
  Entry& e = entries_[slot];
  if (e.place != Place::far) next_call_.reset();
  if (e.place == Place::near) near_.erase(e.due, slot);
  --(e.place == Place::out ? out_ : waiting_);
}

void AdaptiveSchedule::pick(TaskSlot slot, std::vector<TaskSlot>& out) {
  unplace(slot);
  entries_[slot].place = Place::out;
  ++out_;
  out.push_back(slot);
}

void AdaptiveSchedule::drop_stale() {
  while (!far_.empty()) {
    const Entry& e = entries_[far_.top().slot];
    if (e.place == Place::far && e.due == far_.top().when) return;
    far_.pop();
  }
}

/// Fetches the next due from afar when fewer than a batch are near.
void AdaptiveSchedule::refill() {
  drop_stale();
  if (near_.size() >= batch_) return;
  while (!far_.empty() && near_.size() < near_most_) {
    const TaskSlot slot = far_.top().slot;
    // Among a million, memory that was not asked for in time is most of what a decision waits for.
    if (const auto soon = far_.after(kAskMemoryAhead)) __builtin_prefetch(&entries_.at(*soon));
    far_.pop();
    entries_[slot].place = Place::near;
    near_.insert(entries_[slot].due, slot);
    drop_stale();
  }
  next_call_.reset();
}

// ---- when

const Curve& AdaptiveSchedule::curve_of(std::size_t near) const {
  return near_.curve(near, [this](TaskSlot slot) { return forecast_.outlook(entries_.at(slot).course); });
}

double AdaptiveSchedule::accrued(std::size_t near, Time when) const {
  const Entry& e = entries_.at(near_[near].slot);
  if (e.held && when < e.due) return 0;
  return curve_of(near).accrued(seconds(when + transit() - e.course.last_look()));
}

/// The near tasks' curves side by side; to be taken anew when what is near changes.
void AdaptiveSchedule::gather() const {
  rising_.clear();
  for (std::size_t i = 0; i < near_.size(); ++i) static_cast<void>(curve_of(i));  // before any is pointed to
  for (std::size_t i = 0; i < near_.size(); ++i) {
    const Entry& e = entries_.at(near_[i].slot);
    rising_.push_back({&curve_of(i), e.course.last_look() - transit(), e.held ? near_[i].due : Time::min()});
  }
}

/// What the B of the gathered that have most of it have accrued, and how fast they do.
AdaptiveSchedule::Sum AdaptiveSchedule::most_accrued(Time when) const {
  Sum sum;
  const auto add = [&sum](const Curve::Waiting& one) {
    sum.accrued += one.accrued;
    sum.rate += one.rate;
  };
  if (rising_.size() <= batch_) {
    for (const Rising& one : rising_) add(one.waiting(when));
    return sum;
  }
  sums_.clear();
  for (const Rising& one : rising_) sums_.push_back(one.waiting(when));
  const auto end = sums_.begin() + static_cast<std::ptrdiff_t>(batch_);
  std::nth_element(sums_.begin(), end, sums_.end(), [](const auto& a, const auto& b) { return a.accrued > b.accrued; });
  std::for_each(sums_.begin(), end, add);
  return sum;
}

/// How far into a span the sum reaches call_cost, from the end that is nearer to it: there is a parabola as long as the
/// rate grows evenly.
milliseconds AdaptiveSchedule::reaches_cost(const Sum& least, const Sum& most, milliseconds span) const {
  const double lacks = call_cost_ - least.accrued, exceeds = most.accrued - call_cost_;
  const double growth = (most.rate - least.rate) / seconds(span);
  // The root of rate·x + growth·x²/2 = waiting, written so that no growth does no harm.
  const auto root = [](double rate, double by, double waiting) {
    return 2 * waiting / (rate + std::sqrt(std::max(rate * rate + 2 * by * waiting, 0.0)));
  };
  const double into = lacks < exceeds ? root(least.rate, growth, lacks) * 1000
                                      : static_cast<double>(span.count()) - root(most.rate, -growth, exceeds) * 1000;
  const double longest = static_cast<double>(span.count()) - 1;
  return milliseconds(static_cast<milliseconds::rep>(std::min(std::max(1.0, std::ceil(into)), longest)));
}

Time AdaptiveSchedule::exact_call() const {
  Time latest = kNever;
  for (const NearList::Item& one : near_) latest = std::min(latest, Time(entries_.at(one.slot).deadline));
  Time soonest = clock_;
  if (latest <= soonest) return latest;
  gather();
  Sum least = most_accrued(soonest);
  if (least.accrued >= call_cost_) return soonest;
  Sum most = most_accrued(latest);
  if (most.accrued < call_cost_) return latest;
  for (int looks = 0; latest - soonest > 1ms; ++looks) {
    const milliseconds span = latest - soonest;
    // Three are usual. A held task, whose waiting is there all at once, may need more.
    const milliseconds into = looks < kMostParabolas ? reaches_cost(least, most, span) : span / 2;
    const Sum here = most_accrued(soonest + into);
    if (here.accrued >= call_cost_) {
      latest = soonest + into;
      most = here;
    } else {
      soonest += into;
      least = here;
    }
  }
  return latest;
}

/// Whether the next batch falls due within a time that is short beside the waits.
bool AdaptiveSchedule::dense() const {
  if (all_near()) return false;
  const NearList::Item& first = near_.front();
  const NearList::Item& last = near_[std::min(batch_, near_.size()) - 1];
  const Course& course = entries_.at(first.slot).course;
  return 2 * (last.due - first.due) < first.due - course.last_look();
}

Time AdaptiveSchedule::mean_due() const {
  const Time base = near_.front().due;
  milliseconds sum{0};
  Time latest = kNever;
  const std::size_t count = std::min(batch_, near_.size());
  for (std::size_t i = 0; i < count; ++i) {
    sum += near_[i].due - base;
    latest = std::min(latest, Time(entries_.at(near_[i].slot).deadline));
  }
  const Time mean = base + sum / static_cast<milliseconds::rep>(count);
  return std::min(latest, std::max(base, mean - transit()));
}

Time AdaptiveSchedule::next_call() const {
  if (near_.empty()) return kNever;
  if (!next_call_) next_call_ = dense() ? mean_due() : exact_call();
  return *next_call_;
}

// ---- whom

/// The waiting task whose deadline is next, if it has come. What is to come may be of tasks that no longer wait.
std::optional<TaskSlot> AdaptiveSchedule::overdue(Time now) {
  while (!deadlines_.empty() && deadlines_.top().when <= now) {
    const SlotCalendar::Item item = deadlines_.top();
    Entry& e = entries_[item.slot];
    const bool waits = e.place == Place::near || e.place == Place::far;
    if (e.listed == item.when && waits && e.deadline == item.when) return item.slot;
    deadlines_.pop();
    if (e.listed != item.when) continue;
    e.listed = waits ? Time(e.deadline) : kNever;
    if (waits) deadlines_.push({e.deadline, item.slot});
  }
  return std::nullopt;
}

void AdaptiveSchedule::take(Time now, std::size_t most, std::vector<TaskSlot>& out) {
  clock_ = std::max(clock_, now);
  std::size_t count = std::min({most, batch_, waiting_});
  // Those that waited for max_gap, the oldest first, and then those that have most to gain.
  for (; count > 0; --count) {
    const std::optional<TaskSlot> slot = overdue(now);
    if (!slot) break;
    pick(*slot, out);
  }
  refill();
  take_near(now, count, out);
  refill();
}

void AdaptiveSchedule::take_near(Time now, std::size_t count, std::vector<TaskSlot>& out) {
  choice_.clear();
  const bool by_due = dense();
  for (std::size_t i = 0; i < near_.size(); ++i) {
    const Entry& e = entries_.at(near_[i].slot);
    if (e.held && e.due > now) continue;
    choice_.emplace_back(by_due ? 0.0 : -accrued(i, now), near_[i].slot);
    if (by_due && choice_.size() == count) break;  // they are in order of their due times
  }
  if (choice_.size() > count) {
    std::nth_element(choice_.begin(), choice_.begin() + static_cast<std::ptrdiff_t>(count), choice_.end());
    choice_.resize(count);
  }
  std::sort(choice_.begin(), choice_.end());
  for (const auto& one : choice_) pick(one.second, out);
}

std::unique_ptr<PollSchedule> make_schedule(const GatewaySettings& gateway, const WatchSettings& watch) {
  return std::make_unique<AdaptiveSchedule>(gateway, watch);
}

}  // namespace mjwatchd

#include <algorithm>
#include <cassert>
#include <utility>

#include "daemon/core/finding.hpp"
#include "daemon/core/watcher_impl.hpp"

namespace mjwatchd {
namespace {
using namespace std::chrono_literals;
constexpr milliseconds kCommitAgain = 1s;  ///< a disk that failed is given this long
constexpr milliseconds kLearnedEvery = 1min;
}  // namespace

void Watcher::Impl::change_task(const Ref& ref, const change::Task& change, std::optional<Look> look) {
  assert(alive(ref));
  assert(task_of(ref).place != TaskPlace::settling);  // one change of a task at a time
  // Final stays final: what is left after SUCCESS are its pictures and its announcement.
  assert(task_of(ref).phase == Phase::watching || !change.snapshot);
  assert(look || !change.snapshot);
  assert(task_of(ref).phase == Phase::watching || change.phase >= task_of(ref).phase);
  assert(task_of(ref).phase == Phase::watching || change.ending == Ending::succeeded);
  ref.poller->settle(ref.slot);
  Changing wish{ref, change.phase, change.stalled, false, std::nullopt, std::move(look)};
  wish.says_started = std::find(change.events.begin(), change.events.end(), EventType::started) != change.events.end();
  if (change.snapshot) wish.digest = change.snapshot->digest;
  persist(std::move(wish));
}

void Watcher::Impl::hear(event::Persisted& event) {
  const auto found = wishes_.extract(event.change);
  if (found.empty()) {
    outbox_.persisted(event.change, event.result, now_, *out_);
    spread(event.result);
    return;
  }
  const Wish& wish = found.mapped();
  // A task that was released meanwhile has taken its deliveries along; its change was committed before that.
  const auto* changing = std::get_if<Changing>(&wish);
  const bool released = changing != nullptr && !alive(changing->task);
  std::visit([&](const auto& kind) { settled(kind, event.result); }, wish);
  spread(event.result, !released);
}

/// What a commit made beside the change itself: events to tell of, which are handed on, and deliveries to send.
void Watcher::Impl::spread(CommitResult& result, bool ours) {
  if (!result.events.empty()) out_->emplace_back(action::Announce{std::move(result.events)});
  if (!ours) return;
  for (const DeliveryRecord& delivery : result.deliveries) outbox_.adopt(delivery, now_, *out_);
}

void Watcher::Impl::answer(Ticket ticket, const CommitResult& result) {
  if (ticket != 0) out_->emplace_back(action::Answer{ticket, result});
}

void Watcher::Impl::settled(const Registering& wish, const CommitResult& result) {
  if (result.code == CommitResult::Code::done && result.task) {
    if (const auto before = find(result.task->key)) drop(*before);
    adopt(*result.task);
  }
  answer(wish.ticket, result);
}

void Watcher::Impl::settled(const Forgetting& wish, const CommitResult& result) {
  if (result.code == CommitResult::Code::done || result.code == CommitResult::Code::missing) {
    if (const auto ref = find(wish.key)) drop(*ref);
  }
  answer(wish.ticket, result);
}

void Watcher::Impl::settled(const Asking& wish, const CommitResult& result) {
  if (wish.receiver && result.code == CommitResult::Code::done) {
    outbox_.receiver(wish.receiver->name, wish.receiver->disabled, now_, *out_);
  }
  answer(wish.ticket, result);
}

void Watcher::Impl::settled(const Learning& wish, const CommitResult& result) {
  if (wish.shared == nullptr) return;
  if (result.code == CommitResult::Code::done) return wish.shared->lessons_arrived(result.learned);
  wish.shared->lessons_came_back();
}

void Watcher::Impl::settled(const Changing& wish, const CommitResult& result) {
  if (!alive(wish.task)) return;  // deleted or released meanwhile
  assert(task_of(wish.task).place == TaskPlace::settling);
  switch (result.code) {
    case CommitResult::Code::done:
      return committed(wish, result);
    case CommitResult::Code::missing:
      return drop(wish.task);
    default:
      return not_committed(wish);
  }
}

void Watcher::Impl::committed(const Changing& wish, const CommitResult& result) {
  Task& task = task_of(wish.task);
  if (wish.digest) {
    assert(!is_final(task.status));
    const Look& look = *wish.look;
    if (moved(task, look.status, look.progress)) task.changed = now_.steady;
    task.digest = *wish.digest;
    if (look.status != Status::unknown) task.status = look.status;
    if (look.progress) task.progress = look.progress;
  }
  if (wish.look && wish.look->submitted) task.submitted = wish.look->submitted;
  if (wish.look && wish.look->started) task.started = wish.look->started;
  task.stalled = wish.stalled;
  if (task.rare) task.rare->trouble.not_before = Time::min();
  if (wish.says_started) task.said_started = true;
  const Phase before = task.phase;
  task.phase = wish.phase;
  if (wish.phase == Phase::watching) {
    wish.task.poller->unchanged(wish.task.slot, *wish.look, now_);
    return arm(wish.task);
  }
  if (before == Phase::watching) wish.task.poller->finished(wish.task.slot, wish.look ? &*wish.look : nullptr);
  task.place = TaskPlace::held;
  if (wish.phase == Phase::done) return drop(wish.task);
  if (before == Phase::watching) {
    begin_pictures(wish.task);
    if (result.task) task.pictures()->link_expires_at = result.task->link_expires_at;
  }
  arm(wish.task);
}

void Watcher::Impl::not_committed(const Changing& wish) {
  Task& task = task_of(wish.task);
  task.in_trouble().not_before = now_.steady + kCommitAgain;
  if (task.phase == Phase::watching) {
    wish.task.poller->again(wish.task.slot, task.not_before(), now_);
  } else {
    task.place = TaskPlace::held;
    task.pictures()->next = std::max(task.pictures()->next, task.not_before());
  }
  arm(wish.task);
}

void Watcher::Impl::learn() {
  if (now_.steady < learn_next_) return;
  learn_next_ = kNever;
  for (const auto& [name, poller] : pollers_) {
    const auto [last, first] = learned_at_.try_emplace(name, now_.steady);
    if (now_.steady - last->second >= kLearnedEvery) {
      last->second = now_.steady;
      shared_ ? share_lessons(*poller) : keep_learned(*poller);
    }
    learn_next_ = std::min(learn_next_, last->second + kLearnedEvery);
  }
}

void Watcher::Impl::keep_learned(const Poller& poller) {
  const std::string_view state = poller.learned();
  std::string& before = learned_[poller.name()];
  if (state.empty() || state == before) return;
  before = state;
  auto& change = new_change<change::Learned>();
  change.gateway = poller.name();
  change.state = before;
  persist(Learning{});
}

/// The store's answer is what all have learned: so it is asked for also when there is nothing to give, by who has
/// others beside it and tasks to which that matters.
void Watcher::Impl::share_lessons(Poller& poller) {
  if (poller.lessons_under_way()) return;
  const bool curious = daemons_ != 1 && poller.tasks().size() > 0 && !stopped_;
  if (!poller.has_lessons() && !curious) return;
  auto& change = new_change<change::Learned>();
  change.gateway = poller.name();
  change.state = poller.send_lessons();
  change.lessons = true;
  persist(Learning{&poller});
}

}  // namespace mjwatchd

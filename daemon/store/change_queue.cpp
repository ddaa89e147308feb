#include "daemon/store/change_queue.hpp"

#include <utility>

namespace mjwatchd::store {
namespace {

constexpr std::size_t kBatch = 1000;  ///< bounds how long the first of a batch waits for the last

}  // namespace

void ChangeQueue::push(Change change, std::function<void(CommitResult)> done, Origin origin) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_at_) return;
    ++waiting_;
    queue_.push_back({std::move(change), rules_, std::move(done), loop_.guard(), origin});
  }
  wake_.notify_one();
}

void ChangeQueue::prune(WallTime before, std::function<void(std::size_t)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_at_) return;
    PruneOrder order;
    order.before = before;
    asked_.push_back({order, std::move(done), loop_.guard()});
  }
  wake_.notify_one();
}

void ChangeQueue::use(Rules rules) {
  const std::lock_guard lock(mutex_);
  rules_ = std::move(rules);
}

void ChangeQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_at_) closed_at_ = Clock::now();
  }
  wake_.notify_one();
}

void ChangeQueue::drop_prunings() {
  asked_.clear();
  pruning_.clear();
}

ChangeQueue::Batch ChangeQueue::take(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  oldest_.reset();
  const auto something = [this] { return closed_at_ || !queue_.empty() || !asked_.empty(); };
  if (until == Clock::time_point::max()) {
    wake_.wait(lock, something);
  } else if (until != Clock::time_point::min()) {
    wake_.wait_until(lock, until, something);
  }
  for (auto& pruning : asked_) pruning_.push_back(std::move(pruning));
  asked_.clear();
  Batch batch;
  for (; !queue_.empty() && batch.size() < kBatch; queue_.pop_front()) batch.push_back(std::move(queue_.front()));
  if (!batch.empty()) oldest_ = batch.front().origin.given;
  return batch;
}

void ChangeQueue::answer(Batch batch, Results results) {
  loop_.post([this, open = loop_.open(), batch = std::move(batch), results = std::move(results)]() mutable {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      --waiting_;
      const auto done = std::move(batch[i].done);
      if (done) done(std::move(results[i]));
      if (!*open) return;  // this answer closed the store
    }
  });
}

void ChangeQueue::settle_pruning() {
  Pruning first = std::move(pruning_.front());
  pruning_.pop_front();
  loop_.post([done = std::move(first.done), removed = first.order.tasks_removed, guard = std::move(first.guard)] {
    if (done) done(removed);
  });
}

bool ChangeQueue::sleep(Clock::duration time, Clock::duration patience) {
  std::unique_lock lock(mutex_);
  const auto given_up = [&] { return closed_at_ && Clock::now() >= *closed_at_ + patience; };
  // Closing does not make the waiting shorter, but it bounds it.
  wake_.wait_until(lock, Clock::now() + time, given_up);
  return !given_up();
}

ChangeQueue::Rules ChangeQueue::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

bool ChangeQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_at_.has_value();
}

ChangeQueue::Clock::time_point ChangeQueue::settled_until() const {
  const std::lock_guard lock(mutex_);
  if (oldest_) return *oldest_;
  return queue_.empty() ? Clock::now() : queue_.front().origin.given;
}

}  // namespace mjwatchd::store

// Changes on their way to the thread that writes, and their answers on the way back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "daemon/store/loop.hpp"
#include "daemon/store/pruner.hpp"
#include "daemon/store/rules.hpp"
#include "mjwatchd/change.hpp"

namespace mjwatchd::store {

/// What the loop asks of a store's writer, in its order, whatever database that writes to. `loop` must outlive it.
class ChangeQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Rules = std::shared_ptr<const StoreRules>;
  /// When and under which number a change was given, for a writer to whom that matters.
  struct Origin {
    Clock::time_point given{};
    std::int64_t daemon = 0;
  };
  struct Job {
    Change change;
    Rules rules;
    std::function<void(CommitResult)> done;
    Loop::Guard guard;
    Origin origin;
  };
  using Batch = std::vector<Job>;
  using Results = std::vector<CommitResult>;

  ChangeQueue(Loop& loop, Rules rules) : loop_(loop), rules_(std::move(rules)) {}

  // The loop's thread.
  void push(Change change, std::function<void(CommitResult)> done, Origin origin);
  void prune(WallTime before, std::function<void(std::size_t)> done);
  /// For changes from now on.
  void use(Rules rules);
  /// Nothing more is taken; what waits is still to be written.
  void close();
  /// After the writer's thread has ended: these are not answered, and the loop need not wait for them.
  void drop_prunings();
  /// Asked, not answered.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

  // The writer's thread.
  /// As many as belong into one transaction. When none is there, waits until something is, or `until`; an empty
  /// batch means that there is other work, or the end.
  [[nodiscard]] Batch take(Clock::time_point until);
  void answer(Batch batch, Results results);
  [[nodiscard]] bool pruning() const { return !pruning_.empty(); }
  [[nodiscard]] PruneOrder& first_pruning() { return pruning_.front().order; }
  /// Answers the first; what it removed is removed, even if it could not go on.
  void settle_pruning();
  /// Waits; false once the queue has been closed for as long as `patience`.
  [[nodiscard]] bool sleep(Clock::duration time, Clock::duration patience);

  // Any thread.
  [[nodiscard]] Rules rules() const;
  [[nodiscard]] bool closed() const;
  /// When the oldest change that waits, or is being written, was given; the present when there is none.
  [[nodiscard]] Clock::time_point settled_until() const;

 private:
  struct Pruning {
    PruneOrder order;
    std::function<void(std::size_t)> done;
    Loop::Guard guard;
  };

  Loop& loop_;
  std::size_t waiting_ = 0;      ///< the loop's
  std::deque<Pruning> pruning_;  ///< the writer's

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::deque<Pruning> asked_;
  Rules rules_;
  std::optional<Clock::time_point> closed_at_;
  std::optional<Clock::time_point> oldest_;  ///< of the batch at hand
};

}  // namespace mjwatchd::store

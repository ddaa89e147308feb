// The thread that writes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "daemon/store/loop.hpp"
#include "daemon/store/postgres/batch_tables.hpp"
#include "daemon/store/postgres/standing.hpp"
#include "daemon/store/pruner.hpp"
#include "daemon/store/transaction.hpp"

namespace mjwatchd::store::postgres {

/// Takes all changes that wait into one transaction, in two round trips, and posts the answers in their order.
/// While the database is away it waits, and goes on by itself; a transaction whose end it did not hear of is looked
/// up before it is tried again. Nothing is written but under this daemon's number, and a task's change only by who
/// holds it. Called on the loop's thread; the rest from any. `loop` and `standing` must outlive it.
class Writer {
 public:
  using Rules = std::shared_ptr<const StoreRules>;

  Writer(Loop& loop, Address address, webhooks::SecretBox secrets, Rules rules, Standing& standing);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void commit(Change change, std::function<void(CommitResult)> done);
  void prune(WallTime before, std::function<void(std::size_t)> done);
  void use(Rules rules);
  /// Commits what waits, if the database is there, and ends the thread. Blocking; may be called again.
  void close();

  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::optional<Clock::time_point> busy_since() const;
  /// When the oldest change that waits was given; the present when none waits.
  [[nodiscard]] Clock::time_point settled_until() const;

 private:
  struct Job {
    Change change;
    Rules rules;
    std::function<void(CommitResult)> done;
    Loop::Guard guard;
    Clock::time_point given;
    DaemonNo daemon;  ///< this one's number then
  };
  struct Pruning {
    PruneOrder order;
    std::function<void(std::size_t)> done;
    Loop::Guard guard;
  };
  using Batch = std::vector<Job>;
  using Results = std::vector<CommitResult>;

  void run();
  [[nodiscard]] Batch take_batch();
  void answer(Batch batch, Results results);
  void go_on_pruning();
  void settle_pruning();

  // One transaction.
  [[nodiscard]] Results apply_all(const Batch& batch);
  void apply_surely(std::span<const Job> jobs, Results& results);
  void apply_once(std::span<const Job> jobs, Results& results);
  [[nodiscard]] CommitResult apply_one(const Job& job);
  void tell_others(const Change& change, CommitResult& result);
  void keep_own(CommitResult& result);
  void note(const Change& change, const CommitResult& result);
  void took_effect();

  // The way to the database.
  [[nodiscard]] BatchTables& tables();
  [[nodiscard]] bool committed(std::int64_t transaction);
  void back_out();
  void rest(milliseconds time);

  Loop& loop_;
  std::size_t waiting_ = 0;  ///< loop's thread: asked, not answered

  // The writer's own.
  const Address address_;
  webhooks::SecretBox secrets_;
  Standing& standing_;
  std::unique_ptr<Connection> db_;
  std::unique_ptr<BatchTables> tables_;
  std::string channel_;
  milliseconds patience_{100};  ///< before the next attempt to connect
  std::deque<Pruning> pruning_;
  std::vector<std::function<void()>> effects_;  ///< on our standing, once the transaction is committed
  std::int64_t ending_ = 0;                     ///< the transaction whose COMMIT is on its way

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::deque<Pruning> asked_;
  Rules rules_;
  bool closing_ = false;
  std::optional<Clock::time_point> give_up_at_;
  std::optional<Clock::time_point> oldest_;  ///< of the batch at hand
  std::atomic<Clock::rep> busy_since_{0};
  std::thread thread_;
};

}  // namespace mjwatchd::store::postgres

// The thread that writes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "daemon/store/busy_since.hpp"
#include "daemon/store/change_queue.hpp"
#include "daemon/store/postgres/batch_tables.hpp"
#include "daemon/store/postgres/standing.hpp"
#include "daemon/store/transaction.hpp"

namespace mjwatchd::store::postgres {

/// Takes all changes that wait into one transaction, in two round trips, and posts the answers in their order.
/// While the database is away it waits, and goes on by itself; a transaction whose end it did not hear of is looked
/// up before it is tried again. Nothing is written but under this daemon's number, and a task's change only by who
/// holds it. Called on the loop's thread; the rest from any. `loop` and `standing` must outlive it.
class Writer {
 public:
  using Rules = ChangeQueue::Rules;

  Writer(Loop& loop, Address address, webhooks::SecretBox secrets, Rules rules, Standing& standing);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void commit(Change change, std::function<void(CommitResult)> done) {
    queue_.push(std::move(change), std::move(done), {Clock::now(), standing_.last_number()});
  }
  void prune(WallTime before, std::function<void(std::size_t)> done) { queue_.prune(before, std::move(done)); }
  void use(Rules rules) { queue_.use(std::move(rules)); }
  /// Commits what waits, if the database is there, and ends the thread. Blocking; may be called again.
  void close();

  [[nodiscard]] std::size_t waiting() const { return queue_.waiting(); }
  [[nodiscard]] std::optional<Clock::time_point> busy_since() const { return busy_since_.get(); }
  [[nodiscard]] Clock::time_point settled_until() const { return queue_.settled_until(); }

 private:
  using Job = ChangeQueue::Job;
  using Batch = ChangeQueue::Batch;
  using Results = ChangeQueue::Results;

  void run();
  void go_on_pruning();

  // One transaction.
  [[nodiscard]] Results apply_all(const Batch& batch);
  void apply_surely(std::span<const Job> jobs, Results& results);
  void apply_once(std::span<const Job> jobs, Results& results);
  [[nodiscard]] CommitResult apply_one(const Job& job);
  void tell_others(const Change& change, CommitResult& result);
  void keep_own(CommitResult& result);
  void leave(CommitResult& result);
  void note(const Change& change, const CommitResult& result);
  void took_effect();

  // The way to the database.
  [[nodiscard]] BatchTables& tables();
  [[nodiscard]] bool committed(std::int64_t transaction);
  [[nodiscard]] EventNo before_first(const Results& results);
  void back_out();
  void hang_up();
  void rest(milliseconds time);

  ChangeQueue queue_;

  // The writer's own.
  const Address address_;
  webhooks::SecretBox secrets_;
  Standing& standing_;
  std::unique_ptr<Connection> db_;
  std::unique_ptr<BatchTables> tables_;
  std::string channel_;
  milliseconds patience_{100};                  ///< before the next attempt to connect
  std::vector<std::function<void()>> effects_;  ///< on our standing, once the transaction is committed
  DaemonNo number_ = 0;                         ///< that it is written under
  std::int64_t ending_ = 0;                     ///< the transaction whose COMMIT is on its way

  BusySince busy_since_;
  std::thread thread_;
};

}  // namespace mjwatchd::store::postgres

// The thread that writes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/store/busy_since.hpp"
#include "daemon/store/change_queue.hpp"
#include "daemon/store/loop.hpp"
#include "daemon/store/pruner.hpp"
#include "daemon/store/sql_tables.hpp"
#include "daemon/store/transaction.hpp"

namespace mjwatchd::store {

/// Owns the writing connection. Takes all changes that wait into one transaction, commits it and posts
/// the answers in their order; between transactions it tends the file: checkpoints, pruning.
/// Called on the loop's thread; broken() and busy_since() from any. `loop` must outlive it.
class Writer {
 public:
  using Rules = ChangeQueue::Rules;

  Writer(Loop& loop, std::unique_ptr<Connection> db, webhooks::SecretBox secrets, Rules rules);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void commit(Change change, std::function<void(CommitResult)> done) {
    queue_.push(std::move(change), std::move(done), {});
  }
  void prune(WallTime before, std::function<void(std::size_t)> done) { queue_.prune(before, std::move(done)); }
  /// For changes from now on.
  void use(Rules rules) { queue_.use(std::move(rules)); }
  /// Commits what waits and ends the thread. Blocking; may be called again.
  void close();

  [[nodiscard]] std::size_t waiting() const { return queue_.waiting(); }
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> busy_since() const { return busy_since_.get(); }
  [[nodiscard]] std::string broken() const;
  /// Stops all writing for good: the file is not to be trusted. The first reason stays.
  void stop_writing(const std::string& why);

 private:
  using Job = ChangeQueue::Job;
  using Batch = ChangeQueue::Batch;
  using Results = ChangeQueue::Results;

  void run();
  [[nodiscard]] Batch take_batch();
  void commit_batch(Batch batch);
  [[nodiscard]] Results apply_all(const Batch& batch);
  [[nodiscard]] bool apply_together(const Batch& batch, Results& results);
  void apply_each(const Batch& batch, Results& results);
  [[nodiscard]] CommitResult apply_one(const Job& job);
  [[nodiscard]] static CommitResult refused(const Job& job, const SqliteError& error);

  // Between the changes.
  void tend();
  void checkpoint(int at_pages);
  void relieve();
  void go_on_pruning();
  void watch_size();
  void settle_all_pruning();
  void failed(const SqliteError& error, const char* doing);
  void back_out();

  Loop& loop_;
  ChangeQueue queue_;

  // The writer's own.
  std::unique_ptr<Connection> db_;
  webhooks::SecretBox secrets_;
  SqlTables<Connection> tables_;
  Pruner<Connection> pruner_;
  std::int64_t page_size_ = 4096;
  int wal_pages_ = 0;
  int checkpoint_at_ = 0;
  bool crowded_ = false;                                   ///< at watch.store_max_size
  bool all_live_ = false;                                  ///< and nothing finished is left to go
  std::chrono::steady_clock::time_point look_again_at_{};  ///< whether that is still so
  std::chrono::steady_clock::time_point warn_again_at_{};
  std::chrono::steady_clock::time_point complain_again_at_{};
  std::chrono::steady_clock::time_point rest_until_{};  ///< no pruning before: the disk was full

  mutable std::mutex mutex_;
  std::string broken_;
  BusySince busy_since_;
  std::thread thread_;
};

}  // namespace mjwatchd::store

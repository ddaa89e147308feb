// Threads for everything that may wait for a disk.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace mjwatchd::images {

/// Runs jobs on threads of its own, begun in their order, and posts what follows each to the loop. With one thread
/// they are also ended in it.
/// Owned and called on the loop's thread; `io` must outlive it. Its end lets the jobs at hand finish,
/// drops the others, and no `done` runs afterwards.
class FileWorker {
 public:
  using Clock = std::chrono::steady_clock;

  /// `bound`: jobs that may wait. `first` runs before all of them, alone; like them it must not throw.
  FileWorker(asio::io_context& io, std::size_t bound, std::size_t threads = 1, std::function<void()> first = nullptr);
  ~FileWorker();
  FileWorker(const FileWorker&) = delete;
  FileWorker& operator=(const FileWorker&) = delete;

  /// `job` runs on one of the threads and must not throw; then `done` (or nothing, if empty) on the
  /// loop's. False, and neither runs, when `bound` jobs wait already.
  [[nodiscard]] bool post(std::function<void()> job, std::function<void()> done);

  /// Runs `what` on the loop, later, unless this has ended by then.
  void later(std::function<void()> what);

  /// Since when the oldest job at hand has been running: a disk that hangs shows here.
  [[nodiscard]] std::optional<Clock::time_point> busy_since() const;
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Job {
    std::function<void()> work, done;
  };
  void run(std::size_t thread);

  asio::io_context& io_;
  std::size_t bound_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // read and written on the loop's thread
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  bool open_;                                                 ///< the first job is done
  std::vector<std::optional<Clock::time_point>> busy_since_;  ///< one a thread
  std::vector<std::thread> threads_;
};

}  // namespace mjwatchd::images

#include "daemon/images/file_worker.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <system_error>
#include <utility>

namespace mjwatchd::images {

FileWorker::FileWorker(asio::io_context& io, std::size_t bound, std::size_t threads, std::function<void()> first)
    : io_(io), bound_(bound), open_(!first), busy_since_(threads) {
  if (first) queue_.push_back({std::move(first), nullptr});
  threads_.reserve(threads);
  try {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // with little memory, fewer do
  }
}

FileWorker::~FileWorker() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool FileWorker::post(std::function<void()> job, std::function<void()> done) {
  // The guard keeps the loop running while only the worker has something to do.
  auto tell = [done = std::move(done), guard = asio::make_work_guard(io_), alive = std::weak_ptr<bool>(alive_)] {
    const auto still = alive.lock();
    if (still && *still && done) done();
  };
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= bound_) return false;
    queue_.push_back({std::move(job), std::move(tell)});
  }
  wake_.notify_one();
  return true;
}

void FileWorker::later(std::function<void()> what) {
  asio::post(io_, [what = std::move(what), alive = std::weak_ptr<bool>(alive_)] {
    const auto still = alive.lock();
    if (still && *still) what();
  });
}

std::optional<FileWorker::Clock::time_point> FileWorker::busy_since() const {
  const std::lock_guard lock(mutex_);
  std::optional<Clock::time_point> oldest;
  for (const auto& since : busy_since_) {
    if (since && (!oldest || *since < *oldest)) oldest = since;
  }
  return oldest;
}

std::size_t FileWorker::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

/// The first thread does the first job; the others wait for that.
void FileWorker::run(std::size_t thread) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || (!queue_.empty() && (open_ || thread == 0)); });
    if (stopping_) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    busy_since_[thread] = Clock::now();
    lock.unlock();
    job.work();
    job.work = nullptr;
    if (job.done) asio::post(io_, std::move(job.done));
    lock.lock();
    busy_since_[thread].reset();
    if (!std::exchange(open_, true)) wake_.notify_all();
  }
}

}  // namespace mjwatchd::images

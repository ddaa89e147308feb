#include "daemon/images/file_worker.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <utility>

namespace mjwatchd::images {

FileWorker::FileWorker(asio::io_context& io, std::size_t bound) : io_(io), bound_(bound) {
  thread_ = std::thread([this] { run(); });
}

FileWorker::~FileWorker() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
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
  return busy_since_;
}

std::size_t FileWorker::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void FileWorker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    busy_since_ = Clock::now();
    lock.unlock();
    job.work();
    job.work = nullptr;
    asio::post(io_, std::move(job.done));
    lock.lock();
    busy_since_.reset();
  }
}

}  // namespace mjwatchd::images

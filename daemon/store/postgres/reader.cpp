#include "daemon/store/postgres/reader.hpp"

#include <pthread.h>

namespace mjwatchd::store::postgres {
namespace {

constexpr milliseconds kRest{500};  ///< between attempts to connect

}  // namespace

Reader::Reader(Address address) : address_(std::move(address)) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-reader");
}

Reader::~Reader() { close(); }

void Reader::ask(Question question, std::function<void()> answer, std::function<void(const std::exception&)> failed) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    queue_.push_back({std::move(question), std::move(answer), std::move(failed)});
  }
  wake_.notify_one();
}

void Reader::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  queue_.clear();
  db_.reset();
}

void Reader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (closing_) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    while (!tried(job)) {
      lock.lock();
      const bool ended = wake_.wait_for(lock, kRest, [this] { return closing_; });
      lock.unlock();
      if (ended) break;
    }
    lock.lock();
  }
}

/// False when the database is away.
bool Reader::tried(const Job& job) {
  try {
    if (!db_) db_ = std::make_unique<Connection>(address_);
    db_->run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    job.question(*db_);
    db_->run("COMMIT");
    job.answer();
    return true;
  } catch (const PostgresError& error) {
    db_.reset();
    if (error.lost()) return false;
    job.failed(error);
  } catch (const std::exception& error) {
    db_.reset();
    job.failed(error);
  }
  return true;
}

}  // namespace mjwatchd::store::postgres

#include "daemon/store/reader.hpp"

#include <pthread.h>

#include <utility>

namespace mjwatchd::store {

Reader::Reader(std::unique_ptr<Connection> db) : db_(std::move(db)) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-reader");
}

Reader::~Reader() { close(); }

void Reader::ask(Question question) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    queue_.push_back(std::move(question));
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
  for (;;) {
    Question question;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (closing_) return;
      question = std::move(queue_.front());
      queue_.pop_front();
    }
    question(*db_);
  }
}

}  // namespace mjwatchd::store

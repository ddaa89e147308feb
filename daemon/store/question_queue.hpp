// Questions on their way to a thread that reads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace mjwatchd::store {

/// One after another, until it is closed; what waits then is dropped. Any thread, but for one taker.
template <typename Question>
class QuestionQueue {
 public:
  void push(Question question) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      waiting_.push_back(std::move(question));
    }
    wake_.notify_one();
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_one();
  }
  /// After the taker's thread has ended: what waits may hold what its owner waits for.
  void drop() { waiting_.clear(); }

  /// Waits for one; nothing at the end.
  [[nodiscard]] std::optional<Question> take() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (closed_) return std::nullopt;
    Question first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }
  /// Waits; false once it is closed.
  [[nodiscard]] bool sleep(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, time, [this] { return closed_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Question> waiting_;
  bool closed_ = false;
};

}  // namespace mjwatchd::store

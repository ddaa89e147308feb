// A thread that reads.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "daemon/store/question_queue.hpp"
#include "daemon/store/sqlite.hpp"

namespace mjwatchd::store {

/// Runs questions one after another on a connection of its own, so that a long list holds up no
/// commit. Owned and called on the loop's thread.
class Reader {
 public:
  using Question = std::function<void(Connection&)>;

  explicit Reader(std::unique_ptr<Connection> db);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// `question` runs on the reader's thread, in a transaction of its own that sees all that is
  /// committed by then, and must not throw.
  void ask(Question question) { queue_.push(std::move(question)); }
  /// Ends after the question at hand; the others are dropped. May be called again.
  void close();

 private:
  void run();

  std::unique_ptr<Connection> db_;
  QuestionQueue<Question> queue_;
  std::thread thread_;
};

}  // namespace mjwatchd::store

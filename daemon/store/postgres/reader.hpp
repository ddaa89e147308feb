// A thread that reads.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/question_queue.hpp"

namespace mjwatchd::store::postgres {

/// Runs questions one after another on a connection of its own. While the database is away, or others are in the way,
/// they wait: to answer as if nothing were there would be a lie that ends tasks and deliveries. Owned and called on the
/// loop's thread.
class Reader {
 public:
  using Question = std::function<void(Connection&)>;

  explicit Reader(Address address);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// `question` runs on the reader's thread in a transaction that sees one moment, and again when the connection
  /// was lost in the middle of it; it answers only as the last thing it does. Any other error is told to `failed`.
  void ask(Question question, std::function<void()> answer, std::function<void(const std::exception&)> failed) {
    queue_.push({std::move(question), std::move(answer), std::move(failed)});
  }
  /// Ends after the question at hand; the others are dropped. May be called again.
  void close();

 private:
  struct Job {
    Question question;
    std::function<void()> answer;
    std::function<void(const std::exception&)> failed;
  };
  void run();
  [[nodiscard]] bool tried(const Job& job);

  const Address address_;
  std::unique_ptr<Connection> db_;
  QuestionQueue<Job> queue_;
  std::thread thread_;
};

}  // namespace mjwatchd::store::postgres

// The way from the store's threads back to the loop's.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <memory>
#include <utility>

namespace mjwatchd::store {

/// Posts answers to the loop, until the store is closed: what is on its way then is dropped.
/// post() from any thread, the rest on the loop's. `io` must outlive it.
class Loop {
 public:
  explicit Loop(asio::io_context& io) : io_(io) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { shut(); }

  /// While something is under way the loop does not run out of work.
  using Guard = asio::executor_work_guard<asio::io_context::executor_type>;
  [[nodiscard]] Guard guard() const { return Guard(io_.get_executor()); }

  template <typename Answer>
  void post(Answer answer) {
    asio::post(io_, [open = open_, answer = std::move(answer)]() mutable {
      if (*open) answer();
    });
  }
  /// For an answer that goes on to others: whether the store was closed by one of them.
  [[nodiscard]] std::shared_ptr<const bool> open() const { return open_; }
  void shut() { *open_ = false; }

 private:
  asio::io_context& io_;
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);  ///< read and written on the loop's thread only
};

}  // namespace mjwatchd::store

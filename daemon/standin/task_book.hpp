// The tasks that the stand-in knows, and where each stands at a moment.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/standin/script.hpp"

namespace mjwatchd::standin {

/// Milliseconds since the Unix epoch, by the stand-in's clock.
using Moment = std::chrono::sys_time<milliseconds>;

/// Where a task stands.
struct Sight {
  std::string status;
  std::string progress;
  Moment submitted{};
  std::optional<Moment> started;   ///< when it first was IN_PROGRESS, or ended
  std::optional<Moment> finished;  ///< when it came to its final status
};

/// A script that has begun. Its times are divided by the book's speed.
struct BookedTask {
  Script script;
  Moment begin{};  ///< submission
  double speed = 1;
  [[nodiscard]] Sight at(Moment now) const;
  /// The moment at which the last step comes.
  [[nodiscard]] Moment end() const;
};

/// All tasks by id. Bounded: at `kMost` tasks, add() refuses. One thread at a time.
class TaskBook {
 public:
  static constexpr std::size_t kMost = 2'000'000;

  /// A script's `submit` counts from `start`; every time of it is divided by `speed` (> 0).
  TaskBook(Moment start, double speed) : start_(start), speed_(speed) {}

  /// False when the book is full. A known id is begun anew.
  bool add(Script script);
  /// As add(), submitted at `now` whatever the script's `submit` says.
  bool add_now(Script script, Moment now);
  /// Nothing for an id that is unknown or not yet submitted.
  [[nodiscard]] const BookedTask* find(std::string_view id, Moment now) const;
  [[nodiscard]] std::vector<std::string> ids() const;
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }
  void forget_all() { tasks_.clear(); }

 private:
  bool put(Script script, Moment begin);

  Moment start_;
  double speed_;
  std::unordered_map<std::string, BookedTask> tasks_;
};

}  // namespace mjwatchd::standin

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/core/schedule_course.hpp"
#include "daemon/core/schedule_hazard.hpp"
#include "daemon/core/schedule_pace.hpp"

namespace mjwatchd {

/// What tasks of one action have taught: counts, of which the older ones weigh less. Counts of several daemons add up,
/// as if one of them had seen all their tasks.
struct Lessons {
  HazardTable queue, run, failure;
  PaceTable pace;
  std::uint32_t ended = 0;  ///< tasks

  /// A task last seen as `course` tells went on until then; kNotYet: it had not started.
  void passed(const Course& course, Age until, Age started);
  /// It ended then, of which passed() was told before.
  void finished(const Course& course, bool success, Age end, Age started);

  void add(const Lessons& other);
  /// Takes up what was counted, as the tables do.
  void derive(const Lessons& prior, float weight, float failure_weight);
  /// So many more tasks have ended: what was counted before weighs less.
  void forget(std::uint32_t tasks);
  /// And then that was learned, or meanwhile by another daemon. Associative, and in another order the same but for the
  /// weights, which differ by as much as forget() of the fewer of the two.
  void then(const Lessons& later);

  /// Behind what is there.
  void write(std::string_view action, std::string& out, Exactness exactness) const;
};

/// Lessons by action, few, each action once.
using LessonBook = std::vector<std::pair<std::string, Lessons>>;
inline constexpr std::size_t kMostActions = 16;

/// The line with which every text begins.
[[nodiscard]] std::string head_of_lessons();
/// Those actions of which a task has ended, as text that is added to.
[[nodiscard]] std::string write_lessons(const LessonBook& book);
/// Nothing when it is of another version, or damaged: half of it would be worse than nothing.
[[nodiscard]] std::optional<LessonBook> read_lessons(std::string_view text);

}  // namespace mjwatchd

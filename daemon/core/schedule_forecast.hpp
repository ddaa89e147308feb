#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/schedule_course.hpp"
#include "daemon/core/schedule_curve.hpp"
#include "daemon/core/schedule_lessons.hpp"
#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// Foretells when the tasks of one gateway end, from what has been seen of all of them.
///
/// A task's way is a queue, then a run, and all the time the danger of failing. Each has its
/// distribution per action, learned with forgetting; an action hardly seen yet is taken to be like the
/// others, and the first one like the recorded timings. While a task runs, Bayes' rule weighs each
/// length that its run may have by how well the progress it showed, and when, fits that length.
/// Deterministic; not thread-safe.
class Forecast {
 public:
  Forecast();

  /// The number of an action's name. There are few; those beyond a bound share one number.
  [[nodiscard]] std::uint8_t action(std::string_view name);

  /// A look, as of `when`, found the task unfinished: learns what passed, and brings `course` up to date.
  void unfinished(Course& course, const Look& look, Time when);
  /// A look found that it has ended.
  void ended(Course& course, const Look& look, Time when);

  /// What is expected from course.seen on.
  [[nodiscard]] Curve outlook(const Course& course);

  [[nodiscard]] std::vector<Belief> beliefs();

  /// As text; written anew only when something that was counted took effect since.
  [[nodiscard]] const std::string& learned();
  /// That is known, and beside it what take_lessons() has not given out.
  void restore(std::string_view text);
  /// From now on lessons are also kept apart.
  void keep_lessons();
  /// Those of the actions of which a task has ended since the last time; empty when there is none.
  [[nodiscard]] std::string take_lessons();

 private:
  /// Ages at which a task still queues for which curves are kept: nothing, then geometric.
  static constexpr std::size_t kQueueAges = 40;

  /// What is known of one action's tasks.
  struct Habits : Lessons {
    std::uint32_t unheeded = 0;  ///< of the tasks that ended, since the last derive()
    std::array<std::optional<Curve>, kQueueAges> queued;
  };

  /// When the run began, as a look tells that found the task at `until`; kNotYet if it doesn't tell.
  [[nodiscard]] static Age start(const Course& course, const Look& look, Age until);
  /// Counts the time from the last look until `until`, in which the task did not end.
  void passed(const Course& course, Age until, Age started);
  void forget();
  void heed();
  [[nodiscard]] std::string written() const;
  /// Of a task that has queued so long, or a little less or more: one of those that are kept.
  [[nodiscard]] Curve queued(Habits& habits, float age) const;
  [[nodiscard]] Curve queueing(const Habits& habits, float age) const;
  [[nodiscard]] Curve running(const Habits& habits, const Course& course) const;
  [[nodiscard]] static std::size_t going_on(const HazardTable& run, float elapsed, const NodeTimes& times,
                                            NodeTimes& lasting);
  [[nodiscard]] static FourFloats fits(const PaceTable& pace, const Course& course, FourFloats runs);

  std::vector<std::string> names_;
  std::vector<Habits> habits_;  ///< by action
  std::vector<Lessons> fresh_;  ///< likewise, those that were not taken; none unless they are kept apart
  bool keeps_lessons_ = false;
  Lessons recorded_;     ///< the recorded timings
  std::string learned_;  ///< empty: to be written anew
};

}  // namespace mjwatchd

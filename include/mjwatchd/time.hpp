// The two kinds of time the core is told, and never reads for itself.
#pragma once

#include <algorithm>
#include <chrono>

namespace mjwatchd {

using std::chrono::milliseconds;

/// The line on which everything is scheduled: milliseconds since an arbitrary origin of this run.
/// It never jumps. It has no now(): whoever runs the core says what time it is.
struct SteadyLine {
  using duration = milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyLine, duration>;
  static constexpr bool is_steady = true;
};

/// A moment on the steady line.
using Time = SteadyLine::time_point;

/// A moment by the wall clock, milliseconds since the Unix epoch. Whatever outlives a run
/// (deadlines, retry times, timestamps) is kept so, because the steady line starts anew.
using WallTime = std::chrono::sys_time<milliseconds>;

/// "Never": what next_wakeup() answers when there is nothing to wait for.
inline constexpr Time kNever = Time::max();

/// The present, as the shell read it once for a whole step.
struct Now {
  Time steady;
  WallTime wall;

  /// Where a wall-clock moment lies on the steady line. A clock that was set back or forth between
  /// two runs moves the answer; callers bound it. Times come from strangers: one more than a
  /// century away is taken as a century away.
  [[nodiscard]] Time at(WallTime when) const {
    constexpr milliseconds kFar = std::chrono::hours(24 * 36525);
    return steady + (std::clamp(when, wall - kFar, wall + kFar) - wall);
  }
  /// What the wall clock will say at a moment of the steady line, if nobody sets it.
  [[nodiscard]] WallTime wall_at(Time when) const { return wall + (when - steady); }
};

}  // namespace mjwatchd

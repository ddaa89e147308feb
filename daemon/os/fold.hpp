// Repetitions of one line of the log, counted instead of written.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace mjwatchd::os {

/// Decides which trouble is written. The first line of a kind is; the same within a minute is counted,
/// and told once: "… repeated 41 times in 60 s". Pure, not for several threads at once.
class Fold {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kWindow{60};
  /// So many kinds are remembered; a further one is written each time.
  static constexpr std::size_t kKinds = 256;

  struct Repeated {
    std::string kind;
    std::size_t times = 0;
    std::chrono::seconds within{0};
  };

  /// Whether this line is to be written.
  bool admit(const std::string& kind, Time now);
  /// What was counted in windows that are over; `all` counts those that are not over, too.
  [[nodiscard]] std::vector<Repeated> due(Time now, bool all = false);

 private:
  struct Count {
    Time since;
    std::size_t times = 0;
  };
  std::map<std::string, Count> counts_;
};

}  // namespace mjwatchd::os

// While the daemon is away.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace mjwatchd::client {

/// A daemon that was there once, and is being started anew or can't reach its store, is waited for: it forgets no task.
/// Tells people of it on standard error.
class Absence {
 public:
  static constexpr std::chrono::milliseconds kLookAgain{500};

  /// The daemon has answered, at any time.
  [[nodiscard]] bool met() const { return met_; }
  void back();
  /// It does not answer, or not now. Throws Trouble(unreachable) when that has been so for a minute; an upgrade takes
  /// less.
  void goes_on(const std::string& why);

 private:
  bool met_ = false;
  std::optional<std::chrono::steady_clock::time_point> since_;  ///< as was said
};

}  // namespace mjwatchd::client

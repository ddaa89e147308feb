// Whether what was begun comes to an end.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

namespace mjwatchd {

/// Work that the shell hands to a part of itself and that must come back by itself: each part has time limits of
/// its own, so whatever outlives them is our fault, not a gateway's, a receiver's or a task's. Owned by the
/// runtime; loop thread only. Time is told.
class Pulse {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  enum class Part : std::uint8_t { commit, read, call, send };
  /// For parts that take one thing after the other: a long queue that moves is no stall.
  static constexpr Duration kOneByOne = std::chrono::seconds(15);
  /// Beyond the time limit of an exchange.
  static constexpr Duration kMargin = std::chrono::seconds(2);

  using Ticket = std::uint64_t;
  /// `limit`: how long the part itself allows; zero for commits and reads, which are judged as a queue.
  Ticket begin(Part part, Time now, Duration limit = {});
  void end(Part part, Ticket ticket, Time now);

  /// Nothing is under way.
  [[nodiscard]] bool idle() const;
  /// Since when nothing has come back that should have; nothing while all is well.
  [[nodiscard]] std::optional<Duration> stuck(Part part, Time now) const;
  /// How long the first that is under way has been.
  [[nodiscard]] std::optional<Duration> oldest(Part part, Time now) const;

 private:
  struct Work {
    Time began, due;
  };
  struct Line {
    std::map<Ticket, Work> under_way;
    Time moved{};  ///< when the last one came back
  };
  [[nodiscard]] const Line& line(Part part) const { return lines_[static_cast<std::size_t>(part)]; }

  Ticket last_ = 0;
  std::array<Line, 4> lines_;
};

}  // namespace mjwatchd

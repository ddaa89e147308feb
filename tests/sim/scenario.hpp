// What happens in one simulated world, drawn from a seed before it begins.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mjwatchd/event.hpp"
#include "mjwatchd/settings.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::sim {

/// A stretch of time; `to` is not in it.
struct Span {
  milliseconds from{}, to{};
  [[nodiscard]] bool has(milliseconds when) const { return when >= from && when < to; }
};

/// How a gateway is for a while.
enum class Mood : std::uint8_t { well, refusing, throttling, throttling_mutely, broken, down, html };

struct Spell {
  Span when;
  Mood mood = Mood::well;
};

struct GatewayPlan {
  milliseconds fastest{20}, slowest{2000};
  double drops = 0;  ///< of a hundred replies, so many never come
  double stale = 0;  ///< of a hundred tasks in replies, so many are as they were a while ago
  bool batches = true;
  int poison_status = 400;  ///< what a batch with a poison id gets
  std::vector<Spell> spells;
  milliseconds clock_ahead{};
  std::optional<Span> forgetful;  ///< what it knew before, it does not know
  std::optional<Span> unconfigured;
};

struct Stage {
  milliseconds after{};  ///< since the submission
  Status status = Status::unknown;
  std::optional<std::uint8_t> progress;
};

struct PicturePlan {
  int failures = 0;  ///< attempts that say: not now
  SaveVerdict verdict = SaveVerdict::saved;
  milliseconds fastest{50}, slowest{5000};
  std::optional<milliseconds> links_live;  ///< from SUCCESS on
};

struct TaskPlan {
  Registration registration;
  milliseconds asked_at{};   ///< when its app registers it
  milliseconds submitted{};  ///< may lie before the beginning
  std::vector<Stage> stages;
  PicturePlan pictures;
  bool poison = false;
  std::optional<Span> absent;
  std::optional<milliseconds> deleted_at;
  bool comes_back = false;   ///< registered anew after its deletion
  bool asked_twice = false;  ///< its app did not wait for the answer
  std::vector<milliseconds> refreshed_at;
  std::optional<std::pair<milliseconds, WebhookTarget>> late_receiver;
};

/// The wall clock is set while the daemon runs.
struct ClockStep {
  milliseconds at{}, by{};
};

/// The daemon dies (or is told to stop) at the n-th moment at which it may.
struct Death {
  std::uint64_t chance = 0;
  bool gentle = false;
};

enum class Manner : std::uint8_t { good, flaky, slow, overloaded, hole, broken, gone };

struct ReceiverPlan {
  Manner manner = Manner::good;
  std::optional<Span> unconfigured;
  std::optional<milliseconds> enabled_at;  ///< somebody enables it
  std::optional<Span> disabled;            ///< somebody disables it
};

/// The wall clock's time when a world begins.
inline constexpr WallTime kBeginning{std::chrono::seconds(1'800'000'000)};

struct Scenario {
  std::uint64_t seed = 0;
  Settings settings;
  std::map<std::string, GatewayPlan> gateways;
  std::map<std::string, ReceiverPlan> receivers;  ///< by a receiver's name
  std::vector<TaskPlan> tasks;
  std::vector<std::string> default_receivers;
  milliseconds commit_fastest{1}, commit_slowest{30};
  double commit_fails = 0;  ///< of a hundred transactions
  double crashes = 0;       ///< of a hundred steps
  /// Instead of `crashes`: exactly these. What an earlier run of the same scenario drew.
  std::optional<std::vector<Death>> deaths;
  std::vector<Span> disk_full;    ///< nothing can be committed
  std::vector<Span> disk_stalls;  ///< a sync takes until the stall's end
  milliseconds clock_jumps{0};    ///< the wall clock may be wrong by so much after a restart
  std::vector<ClockStep> clock_steps;
  milliseconds calm_at{};  ///< from here on nothing more goes wrong
  std::vector<milliseconds> replays_at;

  /// What the configuration says then.
  [[nodiscard]] Settings settings_at(milliseconds when) const;
};

[[nodiscard]] Scenario draw(std::uint64_t seed);

/// The name under which the store knows a receiver.
[[nodiscard]] ReceiverRef receiver_of(const WebhookTarget& target);

}  // namespace mjwatchd::sim

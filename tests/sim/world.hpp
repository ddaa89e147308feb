// One simulated world: the real Watcher, everything around it faked, and crashes between any two steps.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mjwatchd/watcher.hpp"
#include "tests/sim/apps.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/fake_gateway.hpp"
#include "tests/sim/fake_pictures.hpp"
#include "tests/sim/fake_receivers.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/rules.hpp"
#include "tests/sim/saboteur.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/slots.hpp"

namespace mjwatchd::sim {

/// Runs a scenario to its end: until every task is done and every webhook is settled.
///   world.cpp          the daemon's life: boot, steps, crashes
///   world_actions.cpp  carrying out what the core asks
///   world_apps.cpp     what apps and people ask of it
class World {
 public:
  /// The scenario must outlive it.
  explicit World(const Scenario& scenario, Findings::Trace trace = Findings::Trace::none, Fault fault = Fault::none);
  const Findings& run();
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t crashes() const { return crashes_; }
  /// The ends of the daemon's lives, as Scenario::deaths repeats them.
  [[nodiscard]] const std::vector<Death>& deaths() const { return deaths_; }
  /// How much virtual time has passed.
  [[nodiscard]] milliseconds passed() const { return clock_.now(); }

 private:
  using Wish = Apps::Wish;
  // Life.
  void plan();
  void boot();
  void crash();
  void stop_gently();
  template <typename Heard>
  void tell(Heard&& event) {
    if (!watcher_) return;
    inbox_.emplace_back(std::forward<Heard>(event));
    plan_step();
  }
  /// The same, made where it is heard: events are large.
  template <typename Heard, typename... Parts>
  void tell_new(Parts&&... parts) {
    if (!watcher_) return;
    inbox_.emplace_back(std::in_place_type<Heard>, std::forward<Parts>(parts)...);
    plan_step();
  }
  void plan_step();
  void step();
  void plan_wake();
  void wake();
  void reconfigure();
  void calm();
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::string what_is_left() const;
  /// Asked wherever it could: between any two steps and any two actions.
  [[nodiscard]] std::optional<Death> dies_now() {
    if (calm_) return std::nullopt;
    ++chances_;
    return mortal_ ? death() : std::nullopt;
  }
  [[nodiscard]] std::optional<Death> death();
  [[nodiscard]] Now now() const;
  [[nodiscard]] Settings settings_now() const {
    return calm_ ? scenario_.settings : scenario_.settings_at(clock_.now());
  }
  void check_idling(std::size_t events, std::size_t actions);

  /// What the core asked for at once. It stays where it is while the disk has changes of it.
  struct Turn {
    Actions actions;
    std::size_t unsettled = 0;  ///< changes
  };

  // Actions.
  bool carry_out(std::size_t turn);
  void settled(std::size_t turn);
  void obey(const action::Persist& action);
  void obey(action::FetchBatch& action);
  void obey(const action::FetchOne& action);
  void obey(const action::SaveImage& action);
  void obey(const action::Send& action);
  void obey(const action::Answer& action);
  void obey(const action::Announce& action);
  void obey(const action::Warn& action);
  void ask_gateway(CallNo call, const std::string& gateway, std::vector<std::string> ids, bool batch);

  // Apps.
  [[nodiscard]] Apps::Doors doors();
  void ask(Wish wish);
  void refresh(const TaskKey& key);
  [[nodiscard]] std::function<void()> deleting(const TaskKey& key);

  const Scenario& scenario_;
  Clockwork clock_;
  Findings findings_;
  Dice dice_;
  Dice death_dice_;
  Disk disk_;
  Saboteur saboteur_;
  FakePictures pictures_;
  FakeReceivers receivers_;
  std::map<std::string, std::unique_ptr<FakeGateway>> gateways_;
  Rules rules_;
  Apps apps_;

  // The daemon, while it lives.
  std::unique_ptr<Watcher> watcher_;
  std::uint64_t life_ = 0;
  milliseconds booted_{}, origin_{}, wall_error_{};
  const bool mortal_ = scenario_.deaths || scenario_.crashes != 0;
  std::uint64_t chances_ = 0;  ///< to die, so far
  std::vector<Death> deaths_;
  Settings settings_;  ///< as the daemon was told
  std::vector<Event> inbox_;
  std::vector<Event> heard_;  ///< of the present step
  Slots<Turn> turns_;
  std::size_t turn_ = 0;  ///< that is being carried out
  bool step_planned_ = false, stopped_ = false, calm_ = false;
  milliseconds wake_planned_{};
  std::size_t idle_turns_ = 0;
  milliseconds idle_at_{};

  Ticket last_ticket_ = 0;
  std::map<Ticket, Wish> wishes_;
  std::vector<Wish> unasked_;  ///< while the daemon is down
  std::uint64_t steps_ = 0, crashes_ = 0;
};

}  // namespace mjwatchd::sim

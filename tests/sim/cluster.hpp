// A simulated world of several daemons over one database.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mjwatchd/watcher.hpp"
#include "tests/sim/apps.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/database.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/fake_gateway.hpp"
#include "tests/sim/fake_pictures.hpp"
#include "tests/sim/fake_receivers.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/rules.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/session.hpp"
#include "tests/sim/sharing.hpp"
#include "tests/sim/sharing_rules.hpp"

namespace mjwatchd::sim {

/// Runs a scenario by several daemons, each of which may die, be stopped and continued, or be cut off from the
/// database at any moment, until every task is done and every webhook is settled.
///   cluster.cpp          the daemons' lives
///   cluster_actions.cpp  carrying out what a core asks
///   cluster_apps.cpp     what apps and people ask of whichever daemon they reach
class Cluster {
 public:
  /// Both must outlive it.
  Cluster(const Scenario& scenario, const Sharing& sharing, Findings::Trace trace = Findings::Trace::none,
          SharingFault fault = SharingFault::none);
  const Findings& run();
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t crashes() const { return crashes_; }
  [[nodiscard]] milliseconds passed() const { return clock_.now(); }
  /// How every daemon that lives sees its gateways.
  [[nodiscard]] std::vector<GatewayView> views() const;
  /// What the database knows of what was learned, by gateway.
  [[nodiscard]] const std::map<std::string, std::string>& learned() const { return disk_.learned(); }
  /// Units held by each daemon that lives.
  [[nodiscard]] std::vector<std::size_t> held() const;
  /// Instead of run(): until then.
  const Findings& run_until(milliseconds when);

 private:
  using Wish = Apps::Wish;
  struct Daemon {
    std::size_t place = 0;
    std::unique_ptr<Watcher> watcher;  ///< while it lives
    std::unique_ptr<Session> session;
    std::uint64_t life = 0;
    milliseconds booted{}, origin{}, wall_error{};
    std::vector<Event> inbox;
    Actions left;                            ///< of a step in the midst of which it was paused
    bool interrupted = false;                ///< those are being carried out
    std::optional<milliseconds> pause_soon;  ///< at the next chance it is paused until then
    milliseconds paused_until{};
    bool step_planned = false, stopped = false;
    milliseconds wake_planned{};
    std::map<Ticket, Wish> wishes;
  };

  // Lives.
  void plan();
  void boot(Daemon& daemon);
  void crash(Daemon& daemon, bool gently);
  void stop_gently(Daemon& daemon);
  void tell(Daemon& daemon, Event event);
  void plan_step(Daemon& daemon);
  void step(Daemon& daemon);
  void plan_wake(Daemon& daemon);
  void wake(Daemon& daemon);
  void reconfigure();
  void calm();
  bool paused(Daemon& daemon);
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::string what_is_left() const;
  [[nodiscard]] bool dies_now();
  [[nodiscard]] Now now(const Daemon& daemon) const;
  [[nodiscard]] Settings settings_now() const {
    return calm_ ? scenario_.settings : scenario_.settings_at(clock_.now());
  }

  // Actions.
  bool carry_out(Daemon& daemon, Actions actions);
  void obey(Daemon& daemon, action::Persist& action);
  void obey(Daemon& daemon, action::FetchBatch& action);
  void obey(Daemon& daemon, const action::FetchOne& action);
  void obey(Daemon& daemon, const action::SaveImage& action);
  void obey(Daemon& daemon, const action::Send& action);
  void obey(Daemon& daemon, const action::Answer& action);
  void obey(Daemon& daemon, const action::Announce& action);
  void obey(Daemon& daemon, const action::Warn& action);
  void ask_gateway(Daemon& daemon, CallNo call, const std::string& gateway, std::vector<std::string> ids, bool batch);
  /// What the daemon hears, if it is still the one that asked.
  [[nodiscard]] std::function<void(Event)> to(Daemon& daemon);

  // Apps.
  [[nodiscard]] Apps::Doors doors();
  void ask(Wish wish);
  void refresh(const TaskKey& key);

  const Scenario& scenario_;
  const Sharing& sharing_;
  Clockwork clock_;
  Findings findings_;
  Dice dice_;
  Disk disk_;
  FakePictures pictures_;
  FakeReceivers receivers_;
  std::map<std::string, std::unique_ptr<FakeGateway>> gateways_;
  Database database_;
  Rules rules_;
  Apps apps_;
  SharingRules sharing_rules_;
  std::deque<Daemon> daemons_;

  bool calm_ = false;
  milliseconds acted_{};  ///< when a core last asked for anything
  SessionNo last_session_ = 0;
  Ticket last_ticket_ = 0;
  std::uint64_t steps_ = 0, crashes_ = 0;
};

}  // namespace mjwatchd::sim

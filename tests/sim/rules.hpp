// What must hold while the daemon runs, checked from outside.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/watcher.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/fake_gateway.hpp"
#include "tests/sim/fake_receivers.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

/// As findings name a task.
[[nodiscard]] inline std::string text(const TaskKey& key) { return key.gateway + "/" + key.id; }

/// Hears of each action before it is carried out, and of what came back. Owned by the World; what it
/// is given must outlive it.
class Rules {
 public:
  using Gateways = std::map<std::string, std::unique_ptr<FakeGateway>>;
  Rules(const Scenario& scenario, const Clockwork& clock, Findings& findings, const Disk& disk,
        const FakeReceivers& receivers, const Gateways& gateways);

  void booted();
  void stopped() { stopped_ = true; }
  void reconfigured();

  void called(const std::string& gateway, const std::vector<std::string>& ids, bool batch, const Settings& settings);
  void replied(const std::string& gateway, const std::vector<std::string>& ids, bool batch, const FetchReply& reply);
  void persisting(ChangeNo no);
  void committing(const change::Task& change, WallTime wall);
  void committed(const TaskKey& key);
  void adopted(const TaskKey& key);
  void saving(const action::SaveImage& action, const Settings& settings);
  void saved(const TaskKey& key, SaveVerdict verdict);
  void sending(DeliveryNo no);
  void sent(DeliveryNo no);
  void answering(const TaskKey& key, const CommitResult& result);
  void announcing(const std::vector<CommittedEvent>& events);
  /// After each step.
  void look(const Watcher& watcher, const Settings& settings);
  void at_the_end();
  /// A gateway is about to lose its memory.
  void forgets(const std::string& gateway);

 private:
  struct Line {                               ///< to one gateway
    const GatewaySettings* limits = nullptr;  ///< as looked up since the last new settings
    std::size_t in_flight = 0;
    bool troubled = false;  ///< not up, or perhaps not
    std::deque<milliseconds> calls;
    milliseconds busy_until{};              ///< its budget may be spent before
    milliseconds bound = milliseconds(-1);  ///< when it last was not free to be called
    std::size_t known = 0;                  ///< tasks that it lost with its memory
  };
  struct Memory {  ///< of a gateway's tasks that are watched, and that it has shown
    std::size_t all = 0;
    std::size_t forgotten = 0;  ///< when it lost its memory
  };
  struct Gap {
    milliseconds asked{}, free{};
    bool known = false;  ///< to this life of the daemon
    bool in_call = false;
    bool settling = false;  ///< a change of it is being committed
    bool stranger = false;  ///< there was a new schedule meanwhile: to that it comes back as a new task
    bool apart = false;     ///< its batch was refused or lacked it: it may be asked for without coming to the schedule
  };
  struct Missing {
    milliseconds since{};  ///< replies have been without it
    bool alone = false;    ///< the last was to a single fetch
  };
  struct Watched {  ///< a task, in the daemon's present life
    Gap gap;
    std::optional<Missing> missing;
    bool saving = false;
    std::uint64_t asked_in = 0, told_in = 0;  ///< the last call, and the last reply, that named it
  };
  struct Task {
    const TaskPlan* plan = nullptr;
    bool promised = false;  ///< called registered to its app, and never to be deleted
    bool placed = false;    ///< its pictures are in place
    Watched now;
  };

  void freed(Gap& gap) const;
  [[nodiscard]] static const GatewaySettings* limits_of(Line& line, const std::string& gateway,
                                                        const Settings& settings);
  [[nodiscard]] bool strained(const Settings& settings);
  void look_at_lines(const Watcher& watcher, const Settings& settings);
  void broken(const std::string& what) { findings_.broken(clock_.now(), what); }
  void check_ending(const change::Task& change, WallTime wall);
  void check_lost(const TaskKey& key);
  /// Of one that loses its memory some time.
  [[nodiscard]] Memory memory_of(const std::string& gateway) const;
  void check_noticed(const TaskKey& key);
  void check_gaps(const Watcher& watcher, const Settings& settings);
  void check_patience(const DeliveryRow& row);
  void check_delivery(const DeliveryRow& row);
  [[nodiscard]] bool untroubled(const std::string& receiver) const;
  /// Nothing when no app registers it.
  [[nodiscard]] Task* find(std::string_view gateway, std::string_view id);
  [[nodiscard]] const TaskPlan* plan(const TaskKey& key) const;
  [[nodiscard]] Watched& watched(const TaskKey& key) { return tasks_[key.id].now; }

  const Scenario& scenario_;
  const Clockwork& clock_;
  Findings& findings_;
  const Disk& disk_;
  const FakeReceivers& receivers_;
  const Gateways& gateways_;
  ByTask<Task> tasks_;
  std::map<std::string, std::size_t> tasks_of_;  ///< by gateway

  // Of the daemon's present life.
  milliseconds booted_{};
  bool stopped_ = false;
  ChangeNo last_change_ = 0;
  std::map<std::string, Line> lines_;
  milliseconds gaps_checked_{};
  milliseconds no_gap_before_{};  ///< up to then no task can have waited too long
  std::uint64_t calls_ = 0, replies_ = 0;
  std::size_t saves_ = 0;
  std::set<DeliveryNo> flying_;
  std::map<std::string, std::uint32_t> flying_to_;  ///< by group
  ByChain<bool> chains_;                            ///< with a delivery on its way
};

}  // namespace mjwatchd::sim

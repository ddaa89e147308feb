// What must hold between daemons that share a watch list, checked from outside.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mjwatchd/settings.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/database.hpp"
#include "tests/sim/fake_gateway.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

/// Hears of each action before it is carried out. `late` is one that was asked for before its daemon was paused in
/// the midst of its work: with that nobody can keep a daemon from going on where it stood.
class SharingRules {
 public:
  using Gateways = std::map<std::string, std::unique_ptr<FakeGateway>>;
  SharingRules(const Scenario& scenario, const Clockwork& clock, Findings& findings, Database& database,
               const Gateways& gateways)
      : scenario_(scenario), clock_(clock), findings_(findings), database_(database), gateways_(gateways) {}

  /// One that finds nobody there has the whole budget at once, whatever those before it have spent.
  void came_alone() { calls_.clear(); }
  void went(SessionNo who) {
    flying_.erase(who);
    went_ = clock_.now();
  }
  void called(const Session& who, const std::string& gateway, const std::vector<std::string>& ids, bool late);
  void committing(const change::Task& change);
  void sending(SessionNo who, DeliveryNo no, bool late);
  void sent(SessionNo who, DeliveryNo no) { flying_[who].erase(no); }
  void deleted(const TaskKey& key) { deleted_[key.id] = clock_.now(); }
  /// Every now and then: whether what nobody holds is taken. `fit`: since when some daemon has been well.
  void look(std::optional<milliseconds> fit);

 private:
  void broken(const std::string& what) { findings_.broken(clock_.now(), what); }

  const Scenario& scenario_;
  const Clockwork& clock_;
  Findings& findings_;
  Database& database_;
  const Gateways& gateways_;
  std::map<std::string, std::deque<milliseconds>> calls_;  ///< by gateway: those of the last minute, whoever made them
  std::map<SessionNo, std::set<DeliveryNo>> flying_;
  milliseconds looked_{}, went_{};
  std::map<Unit, milliseconds> orphans_;  ///< since when nobody who lives has held it
  ByTask<milliseconds> deleted_;
};

}  // namespace mjwatchd::sim

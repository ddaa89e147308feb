#include "tests/sim/sharing_rules.hpp"

#include <algorithm>

#include "tests/sim/session.hpp"

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;
/// A lease, the sign of life by which the next one sees that it has run out, and what a slow database adds.
constexpr milliseconds kOrphaned = Database::kLease + 2 * Database::kBeat + 20s;
constexpr milliseconds kForgotten = 60s;  ///< a deletion has come round by then
}  // namespace

void SharingRules::called(const Session& who, const std::string& gateway, const std::vector<std::string>& ids,
                          bool late) {
  std::deque<milliseconds>& calls = calls_[gateway];
  calls.push_back(clock_.now());
  while (clock_.now() - calls.front() >= 60s) calls.pop_front();
  // Those that come and go round their parts each for itself, and each has saved up one call.
  const std::size_t limit = scenario_.settings.gateways.at(gateway).max_calls_per_minute;
  if (calls.size() > limit + limit / 20 + 4) broken(gateway + " is called too often by all together");
  if (late) return;
  for (const std::string& id : ids) {
    const TaskRow* row = database_.disk().task({gateway, id});
    if (row == nullptr) {
      if (who.well_since() + kForgotten < clock_.now() && deleted_[id] + kForgotten < clock_.now()) {
        broken(id + " is asked for, and was deleted long ago");
      }
      continue;
    }
    const SessionNo holder = database_.holder(row->no);
    if (deleted_[id] != 0ms) continue;  // may be the one that had its name before
    if (holder != who.number()) {
      broken(id + " is asked for by daemon " + std::to_string(who.number()) + ", and held by " +
             std::to_string(holder));
    }
  }
}

void SharingRules::committing(const change::Task& change) {
  const Status truth = gateways_.at(change.key.gateway)->truth(change.key.id);
  const std::string name = change.key.gateway + "/" + change.key.id;
  if (change.ending == Ending::succeeded && truth != Status::success) broken(name + " is called a success");
  if (change.ending == Ending::failed && truth != Status::failure) broken(name + " is called a failure");
  if (change.ending == Ending::cancelled && truth != Status::cancel) broken(name + " is called cancelled");
}

void SharingRules::sending(SessionNo who, DeliveryNo no, bool late) {
  const std::string name = "delivery " + std::to_string(no);
  const DeliveryRow* row = std::as_const(database_.disk()).deliveries().find(no);
  if (row == nullptr) return broken(name + " is sent uncommitted");
  if (late) return;
  const SessionNo holder = database_.holder(Database::unit_of(row->record));
  if (holder != who) {
    broken(name + " is sent by daemon " + std::to_string(who) + ", and held by " + std::to_string(holder));
  }
  // Held: somebody disabled the receiver, and the core is about to hear of it.
  if (row->record.state != DeliveryState::pending && row->record.state != DeliveryState::held) {
    broken(name + " is sent though it is settled");
  }
  if (!flying_[who].insert(no).second) broken(name + " is sent twice at once by the same daemon");
}

void SharingRules::look(std::optional<milliseconds> fit) {
  if (clock_.now() < looked_ + 1s) return;
  looked_ = clock_.now();
  std::map<Unit, milliseconds> now;
  for (const Unit unit : database_.open()) {
    if (database_.lives(database_.holder(unit))) continue;
    const auto before = orphans_.find(unit);
    const milliseconds since = fit && before != orphans_.end() ? std::max({before->second, *fit, went_}) : clock_.now();
    now.emplace(unit, since);
    if (clock_.now() - since > kOrphaned) broken("unit " + std::to_string(unit) + " is nobody's for too long");
  }
  orphans_ = std::move(now);
}

}  // namespace mjwatchd::sim

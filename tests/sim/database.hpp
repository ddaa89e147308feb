// The database that several simulated daemons share: one watch list, and who may do what about which part of it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "mjwatchd/change.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/sharing.hpp"

namespace mjwatchd::sim {

/// What one daemon owns as a whole: a task with its deliveries (the task's number), or a delivery of no task
/// (its number, negative).
using Unit = std::int64_t;
/// A daemon's life; 0 is nobody.
using SessionNo = std::uint64_t;

struct Lease {
  SessionNo holder = 0;
  std::uint64_t number = 0;  ///< another each time it is taken: a write must name it
};

class Session;

/// Keeps leases and the daemons' signs of life beside a disk's tables, and refuses what its writer holds no lease
/// for. All of it happens at one moment, as in a transaction that nobody else sees half of.
class Database {
 public:
  static constexpr milliseconds kLease{15'000};
  static constexpr milliseconds kBeat{5'000};    ///< between a daemon's signs of life
  static constexpr milliseconds kMargin{5'000};  ///< so long before its end no daemon relies on a lease any more

  /// All must outlive it.
  Database(Clockwork& clock, Findings& findings, Disk& disk, SharingFault fault)
      : clock_(clock), findings_(findings), disk_(disk), fault_(fault) {}

  [[nodiscard]] bool is(SharingFault fault) const { return fault_ == fault; }
  [[nodiscard]] Disk& disk() { return disk_; }

  void connect(Session& session);
  void disconnect(const Session& session);

  /// A sign of life; answers whether it is this life's first, or the first after it was thought dead.
  bool beat(SessionNo who);
  /// Frees what those held who gave no sign of life for too long.
  void bury_the_dead();
  void leave(SessionNo who);
  [[nodiscard]] bool lives(SessionNo who) const { return sessions_.contains(who); }
  /// Whether its last sign of life is young enough for it to take anything.
  [[nodiscard]] bool is_member(SessionNo who) const;
  /// How many spend of a common budget, as one of them is told: 0 while it must not.
  [[nodiscard]] unsigned shared_by(SessionNo who) const;
  /// How many units each daemon that may spend should hold.
  [[nodiscard]] std::size_t fair_share();

  [[nodiscard]] const Lease& lease(Unit unit) { return leases_[unit]; }
  [[nodiscard]] SessionNo holder(Unit unit) const;
  std::uint64_t take(Unit unit, SessionNo who);
  void free(Unit unit, const Lease& as_known);
  /// Those about which there is something to do.
  [[nodiscard]] const std::vector<Unit>& open();

  /// What a change is about; 0: nothing that anyone owns.
  [[nodiscard]] Unit unit_of(const Change& change) const;
  [[nodiscard]] static Unit unit_of(const DeliveryRecord& record) {
    return record.task != 0 ? record.task : -record.no;
  }
  [[nodiscard]] const TaskRow* task(Unit unit) const;

  /// Writes it, if whoever knows the lease as this number still holds it. Deliveries that it made and that are
  /// others' are told to those.
  CommitResult write(const Change& change, std::uint64_t lease, Session& writer);

 private:
  struct Member {
    milliseconds joined{}, beat{};
    bool alone = false;  ///< there was nobody when it came
  };

  [[nodiscard]] bool allowed(const Change& change, Unit unit, std::uint64_t lease, const Session& writer);
  void spread(const Change& change, const std::vector<Unit>& open_before, CommitResult& result, Session& writer);

  Clockwork& clock_;
  Findings& findings_;
  Disk& disk_;
  SharingFault fault_;
  std::map<SessionNo, Session*> sessions_;  ///< of those who listen
  std::map<SessionNo, Member> members_;
  std::map<Unit, Lease> leases_;
  std::map<Unit, TaskKey> keys_;  ///< of every task there ever was
  std::uint64_t last_lease_ = 0;
  std::vector<Unit> open_;
  bool stale_ = true;  ///< open_ is older than the last write
};

}  // namespace mjwatchd::sim

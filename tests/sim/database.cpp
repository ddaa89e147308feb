#include "tests/sim/database.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "tests/sim/session.hpp"

namespace mjwatchd::sim {
namespace {

/// Of tasks that others may hold, or nobody.
bool makes_deliveries(const Change& change) {
  return std::holds_alternative<change::Replay>(change) || std::holds_alternative<change::Receiver>(change) ||
         std::holds_alternative<change::AddReceiver>(change);
}

}  // namespace

void Database::connect(Session& session) { sessions_[session.number()] = &session; }
void Database::disconnect(const Session& session) { sessions_.erase(session.number()); }

// ---- who is alive

bool Database::beat(SessionNo who) {
  bury_the_dead();
  const bool alone = members_.empty();
  const auto [member, fresh] = members_.try_emplace(who, Member{clock_.now(), clock_.now(), alone});
  member->second.beat = clock_.now();
  return fresh;
}

void Database::bury_the_dead() {
  if (is(SharingFault::lease_for_ever)) return;
  std::erase_if(members_, [this](const auto& member) { return clock_.now() - member.second.beat > kLease; });
  for (auto& [unit, lease] : leases_) {
    if (!members_.contains(lease.holder)) lease.holder = 0;
  }
}

bool Database::is_member(SessionNo who) const {
  const auto member = members_.find(who);
  return member != members_.end() && clock_.now() - member->second.beat <= kLease;
}

void Database::leave(SessionNo who) {
  members_.erase(who);
  for (auto& [unit, lease] : leases_) {
    if (lease.holder == who) lease.holder = 0;
  }
}

unsigned Database::shared_by(SessionNo who) const {
  const Member& member = members_.at(who);
  const bool newcomer = !member.alone && clock_.now() - member.joined < kLease && members_.size() > 1;
  if (newcomer) return is(SharingFault::newcomer_spends) ? 1 : 0;
  return static_cast<unsigned>(members_.size());
}

std::size_t Database::fair_share() {
  std::size_t full = 0;
  for (const auto& [who, member] : members_) full += shared_by(who) != 0 ? 1 : 0;
  return full == 0 ? 0 : (open().size() + full - 1) / full;
}

// ---- leases

SessionNo Database::holder(Unit unit) const {
  const auto found = leases_.find(unit);
  return found == leases_.end() ? 0 : found->second.holder;
}

std::uint64_t Database::take(Unit unit, SessionNo who) {
  leases_[unit] = Lease{who, ++last_lease_};
  return last_lease_;
}

void Database::free(Unit unit, const Lease& as_known) {
  Lease& lease = leases_[unit];
  if (lease.holder == as_known.holder && lease.number == as_known.number) lease.holder = 0;
}

const std::vector<Unit>& Database::open() {
  if (!std::exchange(stale_, false)) return open_;
  std::set<Unit> units;
  for (const TaskRow& row : disk_.tasks().all()) {
    if (row.no != 0 && row.record.phase != Phase::done) units.insert(row.no);
  }
  for (const DeliveryRow& row : disk_.deliveries()) {
    const DeliveryState state = row.record.state;
    if (state == DeliveryState::pending || state == DeliveryState::held) units.insert(unit_of(row.record));
  }
  open_.assign(units.begin(), units.end());
  std::erase_if(leases_, [&](const auto& lease) { return !units.contains(lease.first); });
  return open_;
}

const TaskRow* Database::task(Unit unit) const {
  const auto key = keys_.find(unit);
  const TaskRow* row = key == keys_.end() ? nullptr : disk_.task(key->second);
  return row != nullptr && row->no == unit ? row : nullptr;  // else deleted, and maybe registered anew
}

// ---- writing

Unit Database::unit_of(const Change& change) const {
  if (const auto* task = std::get_if<change::Task>(&change)) {
    const TaskRow* row = disk_.task(task->key);
    return row == nullptr ? 0 : row->no;
  }
  if (const auto* delivery = std::get_if<change::Delivery>(&change)) {
    const DeliveryRow* row = std::as_const(disk_).deliveries().find(delivery->no);
    return row == nullptr ? 0 : unit_of(row->record);
  }
  return 0;
}

/// A task that has ended and of which nobody has anything to do may be written by whoever was asked for its pictures.
bool Database::allowed(const Change& change, Unit unit, std::uint64_t number, const Session& writer) {
  if (unit == 0 || is(SharingFault::no_fence)) return true;
  const Lease& known = leases_[unit];
  if (known.holder == 0) {
    const TaskRow* row = task(unit);
    return std::holds_alternative<change::Task>(change) && row != nullptr && row->record.phase == Phase::done;
  }
  return known.holder == writer.number() && (known.number == number || is(SharingFault::fence_by_daemon));
}

CommitResult Database::write(const Change& change, std::uint64_t number, Session& writer) {
  const Unit unit = unit_of(change);
  if (!allowed(change, unit, number, writer)) {
    CommitResult refused;
    refused.code = CommitResult::Code::missing;
    refused.detail = "this daemon no longer holds the task";
    return refused;
  }
  // Whatever refuses above: nobody may write under a lease that was given to another since.
  if (unit != 0 && leases_[unit].holder != 0 && leases_[unit].number != number) {
    findings_.broken(clock_.now(), "unit " + std::to_string(unit) + " is written without its lease");
  }
  TaskRow before;
  const auto* forget = std::get_if<change::Forget>(&change);
  if (const TaskRow* row = forget != nullptr ? disk_.task(forget->key) : nullptr) before = *row;
  const std::vector<Unit> open_before = makes_deliveries(change) ? open() : std::vector<Unit>();
  CommitResult result = disk_.write(change);
  stale_ = true;
  if (const auto keeper = sessions_.find(holder(before.no)); before.no != 0 && keeper != sessions_.end()) {
    if (!is(SharingFault::deletion_untold) || keeper->second == &writer) keeper->second->deleted(before.no);
  }
  spread(change, open_before, result, writer);
  return result;
}

/// Who owns what the change made? Whoever owns the task. What nobody owns the writer takes, if there was nothing of
/// it to be done before: else whoever takes it must take up more than this change made. A picture that came late to
/// a task nobody holds is not its core's to announce for sure, which may have let the task go since.
void Database::spread(const Change& change, const std::vector<Unit>& open_before, CommitResult& result,
                      Session& writer) {
  const bool may_take = is_member(writer.number()) && !std::holds_alternative<change::Task>(change);
  if (std::holds_alternative<change::Register>(change) && result.code == CommitResult::Code::done) {
    const TaskRow& row = *disk_.task(result.task->key);
    keys_[row.no] = row.record.key;
    if (may_take) {
      writer.took(row.no, take(row.no, writer.number()), row.record.key);
    } else {
      result.task.reset();  // else the core would watch it
    }
  }
  if (const auto* receiver = std::get_if<change::Receiver>(&change)) {
    for (const auto& [no, other] : sessions_) {
      if (other != &writer) other->hear(event::ReceiverAdopted{receiver->name, receiver->disabled});
    }
  }
  std::erase_if(result.deliveries, [&](const DeliveryRecord& record) {
    const Unit unit = unit_of(record);
    const bool whole = !std::binary_search(open_before.begin(), open_before.end(), unit);
    if (holder(unit) == 0 && may_take && whole) {
      const TaskRow* row = task(unit);
      writer.took(unit, take(unit, writer.number()), row == nullptr ? TaskKey{} : row->record.key);
    }
    // One that its core has let go of already is taken up by whoever takes its lease next.
    if (holder(unit) == writer.number()) return !writer.holds(unit);
    const auto keeper = sessions_.find(holder(unit));
    const bool told = keeper != sessions_.end() && keeper->second->holds(unit);
    if (told && !is(SharingFault::new_delivery_untold)) {
      keeper->second->hear(event::DeliveryAdopted{record});
    }
    return true;
  });
}

}  // namespace mjwatchd::sim

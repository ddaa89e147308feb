#include "tests/sim/session.hpp"

#include <algorithm>
#include <utility>

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;
constexpr std::size_t kStep = 32;        ///< units taken or given up at a time
constexpr milliseconds kReconnect = 1s;  ///< a lost connection is tried again
constexpr milliseconds kNotice(1);       ///< until the daemon hears what the database has said
}  // namespace

Session::Session(SessionNo number, const Scenario& scenario, const DaemonPlan& plan, Clockwork& clock,
                 Findings& findings, Database& database, Page page)
    : number_(number),
      scenario_(scenario),
      plan_(plan),
      clock_(clock),
      findings_(findings),
      database_(database),
      page_(std::move(page)),
      dice_(scenario.seed ^ number << 20U) {
  database_.connect(*this);
  beat();
}

Session::~Session() {
  *alive_ = false;
  database_.disconnect(*this);
}

/// What the daemon itself does waits while it is paused.
void Session::after(milliseconds wait, std::function<void()> what) {
  clock_.in(wait, [this, alive = alive_, what = std::move(what)]() mutable {
    if (!*alive) return;
    if (clock_.now() < paused_until_) return after(paused_until_ - clock_.now(), std::move(what));
    what();
  });
}

void Session::tell(std::vector<Event> events) {
  if (events.empty()) return;
  clock_.in(kNotice, [this, alive = alive_, lapses = lapses_, events = std::move(events)]() mutable {
    if (!*alive) return;
    if (lapses != lapses_) {  // all was let go while this was on its way: what it gives is held no more
      std::erase_if(events, [](const Event& event) {
        return std::holds_alternative<event::Adopted>(event) || std::holds_alternative<event::DeliveryAdopted>(event);
      });
    }
    page_(std::move(events));
  });
}

bool Session::cut() const {
  return !calm_ &&
         std::any_of(plan_.cuts.begin(), plan_.cuts.end(), [this](const Span& span) { return span.has(clock_.now()); });
}

milliseconds Session::takes() {
  const milliseconds usual = dice_.between(scenario_.commit_fastest, scenario_.commit_slowest);
  if (calm_) return usual;
  for (const Span& stall : scenario_.disk_stalls) {
    if (stall.has(clock_.now())) return std::max(usual, stall.to - clock_.now());
  }
  return dice_.chance(plan_.slow_database) ? dice_.between(1s, 20s) : usual;
}

// ---- changes

void Session::commit(Change change, Done done) {
  Waiting one;
  one.unit = database_.unit_of(change);
  const auto held = held_.find(one.unit);
  if (held != held_.end()) one.lease = held->second.lease;
  one.change = std::move(change);
  one.done = std::move(done);
  queue_.push_back(std::move(one));
  start();
}

/// One transaction at a time; what comes meanwhile goes into the next.
void Session::start() {
  if (busy_ || queue_.empty()) return;
  busy_ = true;
  if (cut()) {
    return after(kReconnect, [this] {
      busy_ = false;
      start();
    });
  }
  flying_ = std::exchange(queue_, {});
  clock_.in(takes(), [this, alive = alive_] {
    if (*alive) finish(std::exchange(flying_, {}));
  });
}

void Session::finish(std::vector<Waiting> group) {
  const bool full = !calm_ && std::any_of(scenario_.disk_full.begin(), scenario_.disk_full.end(),
                                          [this](const Span& span) { return span.has(clock_.now()); });
  if (cut()) {
    in_doubt(std::move(group));
  } else if (full || (!calm_ && dice_.chance(scenario_.commit_fails))) {
    for (Waiting& one : group) {
      if (!one.change) continue;
      clock_.in(kNotice, [alive = alive_, done = std::move(one.done)] {
        if (*alive) done(CommitResult{});
      });
    }
  } else {
    write(std::move(group), true);
  }
  after(kNotice, [this] {
    busy_ = false;
    start();
  });
}

void Session::write(std::vector<Waiting> group, bool answers) {
  for (Waiting& one : group) {
    if (!one.change) {
      database_.free(one.unit, {number_, one.lease});
      continue;
    }
    CommitResult result = database_.write(*one.change, one.lease, *this);
    if (!answers) continue;
    clock_.in(kNotice, [alive = alive_, done = std::move(one.done), result = std::move(result)]() mutable {
      if (*alive) done(std::move(result));
    });
  }
}

/// The connection was lost before the answer came: the transaction may have been committed or not. If it was, its
/// results are lost, so that what it was about is let go and taken up anew, as the database has it.
void Session::in_doubt(std::vector<Waiting> group) {
  const bool committed = dice_.chance(50);
  was_cut_ = true;
  findings_.did(clock_.now(), "in doubt ", number_, " ", committed, " ", group.size());
  if (committed) write(group, false);
  if (!committed || database_.is(SharingFault::doubt_repeated)) {
    queue_.insert(queue_.begin(), std::make_move_iterator(group.begin()), std::make_move_iterator(group.end()));
    return;
  }
  std::vector<Event> gone;
  for (const Waiting& one : group) {
    const auto held = held_.find(one.unit);
    if (!one.change || held == held_.end()) continue;
    gone.emplace_back(event::Released{held->second.key, one.unit});
    if (one.unit < 0) gone.emplace_back(event::DeliveryReleased{-one.unit});
    held_.erase(held);
  }
  tell(std::move(gone));
  for (Waiting& one : group) {
    if (!one.change) continue;
    CommitResult result;
    result.code = one.unit != 0 ? CommitResult::Code::missing : CommitResult::Code::failed;
    clock_.in(kNotice, [alive = alive_, done = std::move(one.done), result = std::move(result)]() mutable {
      if (*alive) done(std::move(result));
    });
  }
}

// ---- leases

std::vector<Event> Session::lapsed() {
  std::vector<Event> gone = std::exchange(untold_, {});
  if (clock_.now() >= good_until_ && !database_.is(SharingFault::lapse_unheeded)) {
    let_all_go(gone);
    ++lapses_;
  }
  return gone;
}

void Session::let_all_go(std::vector<Event>& out) {
  if (held_.empty()) return;
  findings_.did(clock_.now(), "daemon ", number_, " lets all go");
  for (const auto& [unit, held] : held_) {
    if (unit > 0) out.emplace_back(event::Released{held.key, unit});
    if (unit < 0) out.emplace_back(event::DeliveryReleased{-unit});
  }
  held_.clear();
}

bool Session::may_send(const DeliveryRecord& record) const {
  if (database_.is(SharingFault::sends_without_lease)) return true;
  return clock_.now() < good_until_ && held_.contains(Database::unit_of(record));
}

void Session::beat() {
  const milliseconds began = clock_.now();
  if (cut()) {
    was_cut_ = true;
    return after(kReconnect, [this] { beat(); });
  }
  clock_.in(takes(), [this, alive = alive_, began] {
    if (*alive) beaten(began);
  });
}

void Session::beaten(milliseconds began) {
  if (cut()) {
    was_cut_ = true;
    return after(kReconnect, [this] { beat(); });
  }
  std::vector<Event> news;
  if (database_.beat(number_) && taken_up_) {  // others thought us dead, and may hold what we held
    let_all_go(news);
    ++lapses_;
    untold_ = news;
  }
  if (clock_.now() >= good_until_ || was_cut_) well_since_ = clock_.now();
  good_until_ = std::max(good_until_, began + Database::kLease - Database::kMargin);
  hear_share(news);
  if (!taken_up_) take_up_the_rest(news);
  if (std::exchange(was_cut_, false) && !database_.is(SharingFault::news_lost_by_cut)) look_again(news);
  // One whose answer took so long that its leases have run out by now takes nothing before the next.
  const bool more = clock_.now() >= good_until_ || balance(news);
  tell(std::move(news));
  clock_.in(kNotice, [this, alive = alive_] {
    if (*alive) untold_.clear();
  });
  if (!std::exchange(taken_up_, true)) {
    clock_.in(kNotice, [this, alive = alive_] {
      if (*alive) page_({});
    });
  }
  const milliseconds next = more ? clock_.now() + 100ms : std::max(began + Database::kBeat, clock_.now());
  after(next - clock_.now(), [this] { beat(); });
}

void Session::hear_share(std::vector<Event>& out) {
  const unsigned share = database_.shared_by(number_);
  if (share_ == share) return;
  share_ = share;
  findings_.did(clock_.now(), "daemon ", number_, " shares with ", share);
  if (!database_.is(SharingFault::share_unheard)) out.emplace_back(event::Shared{share});
}

/// What belongs to nobody, and every daemon must know.
void Session::take_up_the_rest(std::vector<Event>& out) {
  for (const auto& [name, plan] : scenario_.receivers) {
    if (database_.disk().disabled(name)) out.emplace_back(event::ReceiverAdopted{name, true});
  }
  for (const auto& [name, since] : database_.disk().failing()) {
    out.emplace_back(event::ReceiverAdopted{name, false, since});
  }
  for (const auto& [gateway, state] : database_.disk().learned()) {
    out.emplace_back(event::LearnedAdopted{gateway, state});
  }
}

/// Notices may have been lost, and what a transaction in doubt has made.
void Session::look_again(std::vector<Event>& out) {
  Disk& disk = database_.disk();
  for (const auto& [name, plan] : scenario_.receivers) {
    out.emplace_back(event::ReceiverAdopted{name, disk.disabled(name)});
  }
  for (auto& [unit, held] : held_) {
    const TaskRow* row = database_.task(unit);
    if (row != nullptr && row->record.phase != Phase::done) out.emplace_back(event::Adopted{row->record});
    if (row == nullptr && !held.key.id.empty()) out.emplace_back(event::Released{std::exchange(held.key, {}), 0});
  }
  for (const DeliveryRow& row : disk.deliveries()) {
    if (row.record.state == DeliveryState::pending && held_.contains(Database::unit_of(row.record))) {
      out.emplace_back(event::DeliveryAdopted{row.record});
    }
  }
}

/// Takes what is free until it holds its share, or gives up what is beyond; answers whether there is more to do.
bool Session::balance(std::vector<Event>& out) {
  const std::vector<Unit>& open = database_.open();
  std::erase_if(held_, [&](const auto& held) { return !std::binary_search(open.begin(), open.end(), held.first); });
  if (share_ == 0U) return false;
  const std::size_t fair = database_.fair_share();
  std::size_t mine = 0, taken = 0;
  for (const Unit unit : open) mine += database_.holder(unit) == number_ ? 1 : 0;
  for (const Unit unit : open) {
    if (taken == kStep) return true;
    const SessionNo holder = database_.holder(unit);
    const bool lost = holder == number_ && !held_.contains(unit);  // let go, and nobody has taken it since
    if (!lost && (holder != 0 || mine >= fair)) continue;
    take_up(unit, out);
    ++taken;
    mine += lost ? 0 : 1;
  }
  if (mine > fair + fair / 10 + 1) give_some(std::min(mine - fair, kStep), out);
  return false;
}

void Session::take_up(Unit unit, std::vector<Event>& out) {
  const TaskRow* row = database_.task(unit);
  took(unit, database_.take(unit, number_), row == nullptr ? TaskKey{} : row->record.key);
  findings_.did(clock_.now(), "daemon ", number_, " takes ", unit);
  if (row != nullptr && row->record.phase != Phase::done) out.emplace_back(event::Adopted{row->record});
  if (database_.is(SharingFault::deliveries_left)) return;
  for (const DeliveryRow& delivery : database_.disk().deliveries()) {
    const DeliveryRecord& record = delivery.record;
    if (Database::unit_of(record) != unit) continue;
    if (record.state != DeliveryState::pending && record.state != DeliveryState::held) continue;
    // A core that does not know that its receiver is disabled would free it.
    if (database_.disk().disabled(record.receiver.name)) {
      out.emplace_back(event::ReceiverAdopted{record.receiver.name, true});
    }
    out.emplace_back(event::DeliveryAdopted{record});
  }
}

/// The core lets go first; the lease is free behind all that was decided under it.
void Session::give_some(std::size_t most, std::vector<Event>& out) {
  while (most-- > 0 && !held_.empty()) {
    const auto one = std::next(held_.begin(), static_cast<std::ptrdiff_t>(dice_.below(held_.size())));
    const auto [unit, held] = *one;
    findings_.did(clock_.now(), "daemon ", number_, " gives up ", unit);
    const TaskNo task = database_.is(SharingFault::deliveries_stay) ? 0 : unit;
    if (!database_.is(SharingFault::release_lost)) {
      if (unit > 0) out.emplace_back(event::Released{held.key, task});
      if (unit < 0) out.emplace_back(event::DeliveryReleased{-unit});
    }
    Waiting lease;
    lease.unit = unit;
    lease.lease = held.lease;
    queue_.push_back(std::move(lease));
    held_.erase(one);
  }
  after(kNotice * 2, [this] { start(); });
}

/// A task that has another's name has come after it: of that one only deliveries are left.
void Session::took(Unit unit, std::uint64_t lease, const TaskKey& key) {
  for (auto& [other, held] : held_) {
    if (held.key == key) held.key = {};
  }
  held_[unit] = {lease, key};
}

void Session::deleted(Unit unit) {
  const auto held = held_.find(unit);
  if (held == held_.end()) return;
  if (cut()) {
    was_cut_ = true;
    return;
  }
  hear(event::Released{std::exchange(held->second.key, {}), 0});
}

void Session::hear(Event event) {
  if (cut()) {
    was_cut_ = true;
    return;
  }
  tell({std::move(event)});
}

void Session::close() {
  if (cut()) return crash();
  write(std::exchange(flying_, {}), false);
  write(std::exchange(queue_, {}), false);
  database_.leave(number_);
}

void Session::crash() {
  if (!flying_.empty() && dice_.chance(50)) write(std::exchange(flying_, {}), false);
}

}  // namespace mjwatchd::sim

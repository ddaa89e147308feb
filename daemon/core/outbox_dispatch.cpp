// What the outbox hands out: changes to be written, and sends, as limits allow.
#include <algorithm>
#include <cassert>
#include <utility>

#include "daemon/core/outbox_impl.hpp"

namespace mjwatchd {

using outbox::Entry;
using outbox::Index;
using outbox::kNone;
using outbox::Place;
using outbox::Ref;

namespace {

// So many deliveries are being held at a time; the others wait parked.
constexpr std::size_t kHoldingAtOnce = 1000;
constexpr std::size_t kStaleTimersIgnored = 4096;
// Attempts made whose record waits for the disk: so many may be made twice by a crash. Enough for a
// disk that needs a long time to sync not to hold up the network.
constexpr std::size_t kRecordingAtOnce = 4096;
// The last eighth of all places is for servers with fewer than two attempts under way, and of that the last eighth for
// those with none: dozens that never answer hold what they have for as long as their timeouts, and must leave some.
constexpr std::size_t kEighth = 8;

}  // namespace

void Outbox::Impl::advance(Now now, Actions& out) {
  last_now_ = now.steady;
  if (next_wakeup() > now.steady) return;  // nothing to be done
  ask_again(now);
  if (!stopped_) {
    run_timers(now);
    revive_receivers(now);
    hold_parked(now);
  }
  emit(out);
  if (!stopped_) send_ready(now, out);
}

Time Outbox::Impl::next_wakeup() const {
  if (stopped_) {  // only what was done is still written down
    if (!outgoing_.empty()) return last_now_;
    return again_.empty() ? kNever : again_.front().first;
  }
  const bool room = has_room();
  const bool holds_now = !parked_.empty() && holding_ < kHoldingAtOnce;
  if (!outgoing_.empty() || revive_ || holds_now || (room && !ring_.empty())) return last_now_;
  Time when = kNever;
  if (!timers_.empty()) when = timers_.front().when;
  if (!again_.empty()) when = std::min(when, again_.front().first);
  return when;
}

bool Outbox::Impl::has_room() const { return in_flight_ < settings_.max_in_flight && recording_ < kRecordingAtOnce; }

/// What is left is for others.
bool Outbox::Impl::crowds(const outbox::Group& group) const {
  const std::size_t left = settings_.max_in_flight - in_flight_;
  const std::size_t kept = settings_.max_in_flight / kEighth;
  if (left > kept) return false;
  return group.gate.in_flight() >= (left > kept / kEighth ? 2U : 1U);
}

/// A place is free again.
void Outbox::Impl::let_in() {
  ring_.insert(ring_.end(), crowded_.begin(), crowded_.end());
  crowded_.clear();
}

void Outbox::Impl::run_timers(Now now) {
  while (!timers_.empty() && timers_.front().when <= now.steady) {
    std::pop_heap(timers_.begin(), timers_.end(), Later{});
    const Timer timer = timers_.back();
    timers_.pop_back();
    if (timer.of_group()) {
      outbox::Group& group = book_.group(timer.what.entry);
      if (group.timer <= timer.when) group.timer = kNever;
      wake(timer.what.entry);
    } else if (book_.valid(timer.what)) {
      start(timer.what.entry, now);
    }
  }
}

void Outbox::Impl::set_timer(Timer timer) {
  timers_.push_back(timer);
  std::push_heap(timers_.begin(), timers_.end(), Later{});
  if (timers_.size() > 2 * book_.size() + kStaleTimersIgnored) drop_stale_timers();
}

// Superseded and dropped deliveries leave their timers behind; more of those than of the others is a leak.
void Outbox::Impl::drop_stale_timers() {
  std::erase_if(timers_, [this](const Timer& timer) {
    return timer.of_group() ? book_.group(timer.what.entry).timer != timer.when : !book_.valid(timer.what);
  });
  std::make_heap(timers_.begin(), timers_.end(), Later{});
}

void Outbox::Impl::set_group_timer(Index index, Time when) {
  outbox::Group& group = book_.group(index);
  if (when == kNever || group.timer <= when) return;
  group.timer = when;
  set_timer({when, {index, outbox::kNoGeneration}});
}

void Outbox::Impl::wake(Index index) {
  outbox::Group& group = book_.group(index);
  if (group.in_ring || group.ready.empty()) return;
  group.in_ring = true;
  ring_.push_back(index);
}

void Outbox::Impl::ask_again(Now now) {
  while (!again_.empty() && again_.front().first <= now.steady) {
    Own own = std::move(again_.front().second);
    again_.pop_front();
    if (was_released(own)) {
      settle_released(own, now);
      continue;
    }
    // The receiver was disabled meanwhile: the store held what it knew, this one must follow.
    auto* delivery = std::get_if<change::Delivery>(&own.change);
    if (delivery != nullptr && delivery->state == DeliveryState::pending && book_.valid(own.about) &&
        book_.receiver(book_.entry(own.about.entry).receiver).blocked()) {
      delivery->state = DeliveryState::held;
      delivery->reason = "its receiver is disabled or not configured";
    }
    outgoing_.push_back(std::move(own));
  }
}

void Outbox::Impl::emit(Actions& out) {
  for (Own& own : outgoing_) {
    const ChangeNo no = ++last_change_;
    out.emplace_back(std::in_place_type<action::Persist>, no, own.change);
    own_.emplace(no, std::move(own));
  }
  outgoing_.clear();
}

void Outbox::Impl::hold_parked(Now now) {
  while (!parked_.empty() && holding_ < kHoldingAtOnce) {
    const Ref ref = parked_.front();
    parked_.pop_front();
    if (!book_.valid(ref)) continue;
    const outbox::Receiver& receiver = book_.receiver(book_.entry(ref.entry).receiver);
    if (!receiver.blocked()) {
      start(ref.entry, now);
      continue;
    }
    record(ref.entry, DeliveryState::held,
           receiver.disabled ? "its receiver is disabled" : "its endpoint is not in the configuration", now, nullptr);
    outgoing_.back().holding = true;
    ++holding_;
  }
}

void Outbox::Impl::revive_receivers(Now now) {
  if (!revive_) return;
  revive_ = false;
  for (outbox::Receiver& receiver : book_.receivers()) {
    if (!receiver.revive) continue;
    receiver.revive = false;
    if (receiver.blocked()) continue;
    receiver.reviving = true;
    outgoing_.push_back(
        Own{change::Receiver{receiver.name, false, "in the configuration again", now.wall}, {}, false, false});
  }
}

// In turn one from each group that may send, until no more may be in flight.
void Outbox::Impl::send_ready(Now now, Actions& out) {
  while (!ring_.empty() && has_room()) {
    const Index index = ring_.front();
    ring_.pop_front();
    book_.group(index).in_ring = false;
    if (send_one(index, now, out)) wake(index);
  }
}

// False when this group can't send now; its timer, the end of an attempt or a new delivery wakes it.
bool Outbox::Impl::send_one(Index index, Now now, Actions& out) {
  outbox::Group& group = book_.group(index);
  while (!group.ready.empty() && !book_.valid(group.ready.front())) group.ready.pop();
  if (group.ready.empty()) return false;
  const Ref ref = group.ready.front();
  Entry& entry = book_.entry(ref.entry);
  const Time may = group.gate.may_send_at(now.steady, entry.type == EventType::test);
  if (may > now.steady) {
    set_group_timer(index, may);
    return false;
  }
  if (crowds(group)) {  // then it has some under way, at whose end it is looked at again
    group.in_ring = true;
    crowded_.push_back(index);
    return false;
  }
  group.ready.pop();
  assert(book_.first(ref.entry));
  group.gate.began(entry.no, now.steady);
  entry.when = now.steady;
  book_.move(ref.entry, Place::flying);
  ++book_.receiver(entry.receiver).in_flight;
  ++in_flight_;
  out.push_back(action::Send{entry.no});
  return true;
}

}  // namespace mjwatchd

// What follows from an attempt's result, and from a change's commit.
#include <cassert>
#include <utility>

#include "daemon/core/outbox_impl.hpp"

namespace mjwatchd {

using outbox::Entry;
using outbox::Index;
using outbox::kNone;
using outbox::Outcome;
using outbox::Place;
using outbox::Verdict;

namespace {

// A receiver that fails so long, and kDisableFailures times in a row, is disabled; a while before, people are told.
constexpr milliseconds kDisableAfter = std::chrono::hours(120);
constexpr milliseconds kWarnAfter = std::chrono::hours(72);

constexpr milliseconds kCommitRetry = std::chrono::seconds(1);
constexpr milliseconds kCancelRetry = std::chrono::seconds(1);
constexpr milliseconds kProxyPause = std::chrono::seconds(30);

}  // namespace

void Outbox::Impl::sent(DeliveryNo delivery, const SendResult& result, Now now, Actions& out) {
  last_now_ = now.steady;
  const Index index = book_.find(delivery);
  if (index == kNone || book_.entry(index).place != Place::flying) return;
  Entry& entry = book_.entry(index);
  outbox::Receiver& receiver = book_.receiver(entry.receiver);
  assert(in_flight_ > 0 && receiver.in_flight > 0);
  --in_flight_;
  --receiver.in_flight;
  let_in();

  const Verdict verdict = outbox::judge(result, entry.attempts + 1, settings_.retry.size());
  outbox::Group& group = book_.group(receiver.group);
  group.gate.ended({delivery, entry.when, verdict.outcome == Outcome::delivered, verdict.charged, verdict.slow_down},
                   now.steady);
  if (result.retry_after && verdict.outcome != Outcome::delivered && verdict.charged) {
    group.gate.pause_until(now.steady + std::min(*result.retry_after, outbox::kLongestRetryAfter));
  }
  if (verdict.outcome == Outcome::uncharged) group.gate.pause_until(now.steady + kProxyPause);
  wake(receiver.group);
  if (entry.claim == outbox::Claim::gone) return retire(index, now);
  entry.claim = outbox::Claim::ours;  // its task came back meanwhile: the attempt was made all the same
  conclude(index, result, verdict, now, out);
}

void Outbox::Impl::conclude(Index index, const SendResult& result, const Verdict& verdict, Now now, Actions& out) {
  outbox::Receiver& receiver = book_.receiver(book_.entry(index).receiver);
  if (verdict.outcome == Outcome::cancelled) {
    give_back(index, kCancelRetry, now);
    return;
  }
  if (verdict.outcome == Outcome::uncharged) {
    if (!receiver.proxy_warned) {
      out.push_back(action::Warn{.endpoint = receiver.name, .text = "the proxy fails: " + result.detail});
    }
    receiver.proxy_warned = true;
    give_back(index, kProxyPause, now);
    return;
  }
  receiver.proxy_warned = false;
  ++book_.entry(index).attempts;
  if (verdict.outcome == Outcome::delivered) {
    succeed(index, now);
    record(index, DeliveryState::delivered, {}, now, &result);
    return;
  }
  if (verdict.outcome == Outcome::dead) {
    if (verdict.charged) (void)charge(index, result, now, out);
    record(index, DeliveryState::dead, verdict.reason, now, &result);
    return;
  }
  if (verdict.outcome == Outcome::gone) {
    record(index, DeliveryState::held, verdict.reason, now, &result);
    if (!receiver.disabled) disable(book_.entry(index).receiver, verdict.reason, now, out);
    return;
  }
  const std::string disabled_for = verdict.charged ? charge(index, result, now, out) : std::string();
  if (!disabled_for.empty()) {
    record(index, DeliveryState::held, disabled_for, now, &result);
  } else if (receiver.blocked()) {
    record(index, DeliveryState::held, "its receiver is disabled or not configured", now, &result);
  } else if (book_.overtaken(index)) {
    record(index, DeliveryState::superseded, {}, now, &result);
  } else {
    Entry& entry = book_.entry(index);
    entry.when = now.steady + outbox::wait_after(settings_.retry, entry.attempts, verdict, result, jitter_);
    record(index, DeliveryState::pending, {}, now, &result);
  }
}

void Outbox::Impl::succeed(Index index, Now now) {
  outbox::Receiver& receiver = book_.receiver(book_.entry(index).receiver);
  receiver.last_success = now.wall;
  receiver.first_failure.reset();
  receiver.failures_in_row = 0;
  receiver.warned = false;
  strike_off_record(receiver);
}

// Written once it counts, so that an endpoint that stumbles costs no commit.
void Outbox::Impl::keep_on_record(outbox::Receiver& receiver) {
  if (receiver.on_record || !receiver.endpoint()) return;
  receiver.on_record = true;
  outgoing_.push_back(Own{change::Failing{receiver.name, receiver.first_failure}, {}, false, false});
}

void Outbox::Impl::strike_off_record(outbox::Receiver& receiver) {
  if (!std::exchange(receiver.on_record, false)) return;
  outgoing_.push_back(Own{change::Failing{receiver.name, std::nullopt}, {}, false, false});
}

// Counts a failure against the receiver. Answers why it was disabled, if it was.
std::string Outbox::Impl::charge(Index index, const SendResult& result, Now now, Actions& out) {
  const Index who = book_.entry(index).receiver;
  outbox::Receiver& receiver = book_.receiver(who);
  ++receiver.failures_in_row;
  if (!receiver.first_failure) receiver.first_failure = now.wall;
  if (receiver.disabled || receiver.failures_in_row < kDisableFailures) return {};
  keep_on_record(receiver);
  const milliseconds failing = now.wall - *receiver.first_failure;
  if (failing >= kDisableAfter) {
    std::string reason = "no success for 120 h; the last failure: " + outbox::describe(result);
    disable(who, reason, now, out);
    return reason;
  }
  if (failing >= kWarnAfter && !receiver.warned) {
    receiver.warned = true;
    out.push_back(
        action::Warn{.endpoint = receiver.name,
                     .text = "no success for " + std::to_string(failing / std::chrono::hours(1)) +
                             " h; it will be disabled after 120 h; the last failure: " + outbox::describe(result)});
  }
  return {};
}

void Outbox::Impl::disable(Index who, const std::string& reason, Now now, Actions& out) {
  outbox::Receiver& receiver = book_.receiver(who);
  receiver.disabled = true;
  out.push_back(action::Warn{.endpoint = receiver.name, .text = "disabled, its deliveries are held: " + reason});
  outgoing_.push_back(Own{change::Receiver{receiver.name, true, reason, now.wall}, {}, false, false});
  drop_idle(who, now);
}

void Outbox::Impl::give_back(Index index, milliseconds wait, Now now) {
  book_.entry(index).when = now.steady + wait;
  start(index, now);
}

// Decides a change about a delivery. Until it is committed, the delivery keeps its place in its chain.
void Outbox::Impl::record(Index index, DeliveryState state, std::string reason, Now now, const SendResult* result) {
  book_.move(index, Place::recording);
  const Entry& entry = book_.entry(index);
  change::Delivery change;
  change.no = entry.no;
  change.state = state;
  change.attempts = entry.attempts;
  change.due = now.wall_at(entry.when);
  if (result != nullptr) change.result = *result;
  // What a receiver says when all is well is not kept; thousands of those may wait for the disk.
  if (state == DeliveryState::delivered) change.result->answer.clear();
  change.reason = std::move(reason);
  if (result != nullptr) ++recording_;
  outgoing_.push_back(Own{std::move(change), book_.ref(index), result != nullptr, false});
}

bool Outbox::Impl::persisted(ChangeNo no, const CommitResult& result, Now now) {
  const auto found = own_.extract(no);
  if (found.empty()) return false;
  last_now_ = now.steady;
  Own& own = found.mapped();
  if (const auto* change = std::get_if<change::Failing>(&own.change)) {
    // One that could not be written is written with what is true at the next attempt.
    const Index known = book_.find_receiver(change->endpoint);
    if (result.code == CommitResult::Code::failed && known != kNone) {
      book_.receiver(known).on_record = !change->since;
    }
    return true;
  }
  if (was_released(own)) {
    settle_released(own, now);
    return true;
  }
  if (result.code == CommitResult::Code::failed) {
    again_.emplace_back(now.steady + kCommitRetry, std::move(own));
    return true;
  }
  if (const auto* change = std::get_if<change::Receiver>(&own.change)) {
    receiver_committed(*change, result, now);
  } else {
    delivery_committed(own, result, now);
  }
  for (const DeliveryRecord& delivery : result.deliveries) adopt(delivery, now);
  return true;
}

// Someone may have changed the receiver between our wish and its commit; commits have the last word.
void Outbox::Impl::receiver_committed(const change::Receiver& change, const CommitResult& result, Now now) {
  const Index known = book_.find_receiver(change.name);
  if (known != kNone && !change.disabled) book_.receiver(known).reviving = false;
  if (result.code == CommitResult::Code::missing) return restart_entries(now);
  if (!change.disabled && known != kNone && book_.receiver(known).disabled) {
    // Disabled by someone while we freed what was held: that word stands.
    outgoing_.push_back(Own{change::Receiver{change.name, true, "disabled", now.wall}, {}, false, false});
    return;
  }
  receiver(change.name, change.disabled, now);
}

void Outbox::Impl::delivery_committed(const Own& own, const CommitResult& result, Now now) {
  if (own.attempt) --recording_;
  if (own.holding) --holding_;
  assert(book_.valid(own.about));
  const Index index = own.about.entry;
  const auto& change = std::get<change::Delivery>(own.change);
  const bool known = result.code != CommitResult::Code::missing;
  if (known && change.state == DeliveryState::pending) {
    start(index, now);
    return;
  }
  if (known && change.state == DeliveryState::held) {
    outbox::Receiver& receiver = book_.receiver(book_.entry(index).receiver);
    ++receiver.held;
    // Its receiver was enabled between our wish and its commit.
    if (!receiver.blocked()) receiver.revive = revive_ = true;
  }
  retire(index, now);
}

void Outbox::Impl::retire(Index index, Now now) {
  const Index receiver = book_.entry(index).receiver;
  start_heir(book_.remove(index), now);
  book_.release_if_idle(receiver, now.steady);
}

}  // namespace mjwatchd

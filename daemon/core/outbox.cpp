#include "mjwatchd/outbox.hpp"

#include <algorithm>
#include <utility>

#include "daemon/core/outbox_impl.hpp"

namespace mjwatchd {

using outbox::Entry;
using outbox::Index;
using outbox::kNone;
using outbox::Place;

Outbox::Impl::Impl(const WebhookSettings& settings, std::uint64_t seed, ChangeNo& last_change)
    : settings_(settings), jitter_(seed), last_change_(last_change), book_(settings) {}

void Outbox::Impl::adopt(const DeliveryRecord& delivery, Now now) {
  last_now_ = now.steady;
  const std::string& group = delivery.receiver.group.empty() ? delivery.receiver.name : delivery.receiver.group;
  if (delivery.state == DeliveryState::held) {
    outbox::Receiver& receiver = book_.receiver(book_.intern(delivery.receiver.name, group));
    ++receiver.held;
    // Held, and nothing of today holds it: its endpoint is back in the configuration.
    if (!receiver.blocked()) receiver.revive = revive_ = true;
    return;
  }
  if (delivery.state != DeliveryState::pending) return;
  const Time due = outbox::due(delivery, now);
  Index index = book_.find(delivery.no);
  if (index != kNone) {
    // Replayed while it waits: a new round, without losing its place in the order.
    Entry& known = book_.entry(index);
    if (known.place == Place::flying || known.place == Place::recording) return take_back(index, delivery, due);
    known.attempts = static_cast<std::uint16_t>(delivery.attempts);
    known.when = due;
  } else {
    DeliveryRecord record = delivery;
    record.receiver.group = group;
    index = book_.add(record);
    book_.entry(index).when = due;
    if (outbox::is_final(delivery.type)) supersede_before(index, now);
  }
  if (book_.first(index)) {
    start(index, now);
  } else if (book_.overtaken(index)) {
    record(index, DeliveryState::superseded, {}, now, nullptr);
  }
}

// Puts the first of a chain where it belongs: with the parked, on the clock, or in its group's line.
void Outbox::Impl::start(Index index, Now now) {
  Entry& entry = book_.entry(index);
  const outbox::Receiver& receiver = book_.receiver(entry.receiver);
  if (receiver.blocked()) {
    book_.move(index, Place::parked);
    parked_.push_back(book_.ref(index));
    return;
  }
  if (book_.overtaken(index)) {
    record(index, DeliveryState::superseded, {}, now, nullptr);
    return;
  }
  if (receiver.waits()) {
    book_.move(index, Place::parked);
    return;
  }
  if (entry.when > now.steady) {
    book_.move(index, Place::waiting);
    set_timer({entry.when, book_.ref(index)});
    return;
  }
  book_.move(index, Place::ready);
  outbox::Group& group = book_.group(receiver.group);
  // A test waits for nobody.
  group.ready.push(entry.type == EventType::test ? 0 : entry.no, book_.ref(index));
  wake(receiver.group);
}

void Outbox::Impl::start_heir(Index heir, Now now) {
  if (heir != kNone) start(heir, now);
}

void Outbox::Impl::supersede_before(Index final_event, Now now) {
  const Entry& last = book_.entry(final_event);
  if (last.task == 0) return;
  for (Index i = book_.first_of(last.receiver, last.task); i != kNone && i != final_event; i = book_.entry(i).next) {
    const Entry& entry = book_.entry(i);
    if (entry.place == Place::flying || entry.place == Place::recording) continue;
    if (outbox::can_be_overtaken(entry.type)) record(i, DeliveryState::superseded, {}, now, nullptr);
  }
}

void Outbox::Impl::receiver(std::string_view name, bool disabled, Now now) {
  last_now_ = now.steady;
  const Index index = book_.intern(name, {});
  outbox::Receiver& receiver = book_.receiver(index);
  receiver.disabled = disabled;
  if (disabled) {
    drop_idle(index, now);
    return;
  }
  // The store has freed what was held; it comes back by adopt().
  receiver.held = 0;
  receiver.revive = receiver.reviving = false;
  receiver.failures_in_row = 0;
  receiver.first_failure.reset();
  receiver.warned = receiver.on_record = false;
  if (receiver.group != kNone) {
    book_.group(receiver.group).gate.forgive();
    wake(receiver.group);
  }
  restart_entries(now);
  book_.release_if_idle(index, now.steady);
}

void Outbox::Impl::failing(std::string_view endpoint, WallTime since, Now now) {
  last_now_ = now.steady;
  const Index index = book_.intern(endpoint, {});
  outbox::Receiver& receiver = book_.receiver(index);
  receiver.on_record = true;
  if (!receiver.endpoint()) {
    strike_off_record(receiver);
    book_.release_if_idle(index, now.steady);
    return;
  }
  receiver.first_failure = std::min(since, now.wall);  // clocks are set back, too
  receiver.failures_in_row = kDisableFailures;         // or it would not be on record
}

// The store holds the deliveries of a receiver together with disabling it; what is on its way or
// being written is settled when that ends.
void Outbox::Impl::drop_idle(Index receiver, Now now) {
  for (Index i = 0; i < book_.slots(); ++i) {
    const Entry& entry = book_.entry(i);
    if (entry.receiver != receiver) continue;
    if (entry.place == Place::vacant || entry.place == Place::flying || entry.place == Place::recording) continue;
    ++book_.receiver(receiver).held;
    book_.remove(i);
  }
  book_.release_if_idle(receiver, now.steady);
}

// After a receiver was enabled or the configuration changed: whoever is in the wrong place moves.
void Outbox::Impl::restart_entries(Now now) {
  for (Index i = 0; i < book_.slots(); ++i) {
    const Entry& entry = book_.entry(i);
    const bool blocked = entry.place != Place::vacant && book_.receiver(entry.receiver).blocked();
    const bool wrong =
        blocked ? entry.place == Place::waiting || entry.place == Place::ready : entry.place == Place::parked;
    if (wrong) start(i, now);
  }
}

void Outbox::Impl::reconfigure(const WebhookSettings& settings, Now now) {
  last_now_ = now.steady;
  settings_ = settings;
  book_.configure(settings);
  for (Index i = 0; i < static_cast<Index>(book_.receivers().size()); ++i) {
    outbox::Receiver& receiver = book_.receiver(i);
    if (receiver.name.empty()) continue;
    if (!receiver.blocked() && receiver.held != 0) receiver.revive = revive_ = true;
    if (!receiver.configured) strike_off_record(receiver);
    book_.release_if_idle(i, now.steady);
  }
  restart_entries(now);
  for (Index i = 0; i < book_.group_slots(); ++i) wake(i);
}

std::vector<ReceiverView> Outbox::Impl::receivers() const {
  std::vector<ReceiverView> views;
  for (const outbox::Receiver& receiver : book_.receivers()) {
    if (receiver.name.empty()) continue;
    ReceiverView view;
    view.name = receiver.name;
    view.disabled = receiver.disabled;
    view.breaker = "closed";
    if (receiver.group != kNone) {
      view.group = book_.group(receiver.group).name;
      view.breaker = book_.group(receiver.group).gate.breaker();
    }
    view.pending = receiver.pending;
    view.in_flight = receiver.in_flight;
    view.held = receiver.held;
    view.last_success = receiver.last_success;
    view.first_failure = receiver.first_failure;
    view.failures_in_row = receiver.failures_in_row;
    views.push_back(std::move(view));
  }
  return views;
}

Outbox::Outbox(const WebhookSettings& settings, std::uint64_t seed, ChangeNo& last_change)
    : impl_(std::make_unique<Impl>(settings, seed, last_change)) {}
Outbox::~Outbox() = default;

// Changes are handed out at once; sends, holds and revivals only by advance(), so that everything one
// step of the Watcher brings is seen before they follow from it.
void Outbox::adopt(const DeliveryRecord& delivery, Now now, Actions& out) {
  impl_->adopt(delivery, now);
  impl_->emit(out);
}
void Outbox::release(TaskNo task, Now now) { impl_->release(task, now); }
void Outbox::release_delivery(DeliveryNo delivery, Now now) { impl_->release_delivery(delivery, now); }
bool Outbox::disabled(std::string_view receiver) const { return impl_->disabled(receiver); }
void Outbox::share(unsigned daemons, Now now) { impl_->share(daemons, now); }
void Outbox::failing(std::string_view endpoint, WallTime since, Now now, Actions& out) {
  impl_->failing(endpoint, since, now);
  impl_->emit(out);
}
void Outbox::receiver(std::string_view name, bool disabled, Now now, Actions& out) {
  impl_->receiver(name, disabled, now);
  impl_->emit(out);
}
void Outbox::sent(DeliveryNo delivery, const SendResult& result, Now now, Actions& out) {
  impl_->sent(delivery, result, now, out);
  impl_->emit(out);
}
bool Outbox::persisted(ChangeNo change, const CommitResult& result, Now now, Actions& out) {
  const bool ours = impl_->persisted(change, result, now);
  impl_->emit(out);
  return ours;
}
void Outbox::advance(Now now, Actions& out) { impl_->advance(now, out); }
void Outbox::reconfigure(const WebhookSettings& settings, Now now, Actions& out) {
  impl_->reconfigure(settings, now);
  impl_->emit(out);
}
void Outbox::stop() { impl_->stop(); }
Time Outbox::next_wakeup() const { return impl_->next_wakeup(); }
std::size_t Outbox::pending() const { return impl_->pending(); }
std::size_t Outbox::in_flight() const { return impl_->in_flight(); }
std::vector<ReceiverView> Outbox::receivers() const { return impl_->receivers(); }

}  // namespace mjwatchd

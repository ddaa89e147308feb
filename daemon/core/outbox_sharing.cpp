// What several daemons do to each other: deliveries that go to another one and come back, and rates that are divided.
#include <cassert>
#include <vector>

#include "daemon/core/outbox_impl.hpp"

namespace mjwatchd {

using outbox::Claim;
using outbox::Entry;
using outbox::Index;
using outbox::kNone;
using outbox::Place;

void Outbox::Impl::release(TaskNo task, Now now) {
  last_now_ = now.steady;
  const std::vector<Index> all = book_.all_of(task);
  // The last of a chain first, so that none becomes the next one to be sent.
  for (auto index = all.rbegin(); index != all.rend(); ++index) let_go(*index, now);
}

void Outbox::Impl::release_delivery(DeliveryNo delivery, Now now) {
  last_now_ = now.steady;
  const Index index = book_.find(delivery);
  if (index != kNone) let_go(index, now);
}

// One that is on its way, or being written, keeps its place until that has ended: its server's limits count it, and
// should the task come back meanwhile, what follows it must not overtake it.
void Outbox::Impl::let_go(Index index, Now now) {
  Entry& entry = book_.entry(index);
  if (entry.place == Place::flying || entry.place == Place::recording) {
    entry.claim = Claim::gone;
    return;
  }
  retire(index, now);
}

// The store has given us a delivery that is on its way or being written. One that was released before that is ours
// again, and the store's word on it is newer than what we thought of it.
void Outbox::Impl::take_back(Index index, const DeliveryRecord& delivery, Time due) {
  Entry& entry = book_.entry(index);
  if (entry.claim == Claim::ours) return;
  entry.claim = Claim::again;
  entry.attempts = static_cast<std::uint16_t>(delivery.attempts);
  if (entry.place == Place::recording) entry.when = due;  // while it flies, that is when it left
}

bool Outbox::Impl::was_released(const Own& own) const {
  return std::holds_alternative<change::Delivery>(own.change) && book_.entry(own.about.entry).claim != Claim::ours;
}

// A change about a delivery that was released after it was decided has come to its end, whichever.
void Outbox::Impl::settle_released(const Own& own, Now now) {
  if (own.attempt) --recording_;
  if (own.holding) --holding_;
  assert(book_.valid(own.about));
  const Index index = own.about.entry;
  if (book_.entry(index).claim == Claim::gone) return retire(index, now);
  book_.entry(index).claim = Claim::ours;
  if (book_.first(index)) return start(index, now);
  book_.move(index, Place::queued);
}

bool Outbox::Impl::disabled(std::string_view receiver) const {
  const Index known = book_.find_receiver(receiver);
  return known != kNone && book_.receivers()[known].disabled;
}

void Outbox::Impl::share(unsigned daemons, Now now) {
  last_now_ = now.steady;
  book_.share(daemons, now.steady);
  for (Index i = 0; i < book_.group_slots(); ++i) wake(i);
}

}  // namespace mjwatchd

#include "tests/sim/fake_receivers.hpp"

#include <algorithm>

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;
constexpr milliseconds kPatience = 15s;

SendResult status(int code) {
  SendResult result;
  result.http_status = code;
  return result;
}
SendResult fault(SendFault what) {
  SendResult result;
  result.fault = what;
  return result;
}
}  // namespace

void FakeReceivers::post(DeliveryNo no, const DeliveryRow& delivery, Done done) {
  const Manner now = manner(delivery);
  check_identity(delivery);
  check_order(delivery);
  const std::size_t place = posts_.take();
  UnderWay& one = posts_[place];
  one.no = no;
  one.done = std::move(done);
  const SendResult& result = one.result = answer(now);
  if (result.http_status >= 200 && result.http_status < 300) {
    events_[static_cast<std::size_t>(delivery.record.event)].got |= std::uint64_t{1} << delivery.receiver;
  }
  clock_.in(delay(now, result), [this, place] { end(place); });
}

void FakeReceivers::end(std::size_t place) {
  UnderWay& one = posts_[place];
  one.done(one.no, std::move(one.result));
  posts_.give_back(place);
}

bool FakeReceivers::got(const DeliveryRow& delivery) const {
  const auto event = static_cast<std::size_t>(delivery.record.event);
  return event < events_.size() && events_[event].webhook_id == delivery.webhook_id &&
         (events_[event].got >> delivery.receiver & 1U) != 0;
}

/// One event, one id, for ever and at every receiver.
void FakeReceivers::check_identity(const DeliveryRow& delivery) {
  const EventNo event = delivery.record.event;
  const auto place = static_cast<std::size_t>(event);
  if (place >= events_.size()) events_.resize(place + 1);
  WebhookId& known = events_[place].webhook_id;
  if (known == delivery.webhook_id) return;
  if (known == 0) {
    known = delivery.webhook_id;
  } else {
    findings_.broken(clock_.now(), "event " + std::to_string(event) + " comes under a second id");
  }
  if (ids_.try_emplace(delivery.webhook_id, event).first->second != event) {
    findings_.broken(clock_.now(), "event " + std::to_string(event) + " comes under the id of another");
  }
}

void FakeReceivers::check_order(const DeliveryRow& delivery) {
  const DeliveryRecord& record = delivery.record;
  if (record.task == 0 || delivery.out_of_order) return;
  Chain& chain = chains_(record.task, delivery.receiver);
  if (record.sequence < chain.latest) {
    findings_.broken(clock_.now(), record.receiver.name + " gets event " + std::to_string(record.sequence) +
                                       " of task " + std::to_string(record.task) + " after event " +
                                       std::to_string(chain.latest));
  }
  chain.latest = std::max(chain.latest, record.sequence);
  if (!is_final_event(record.type)) return;
  if (chain.last == 0) chain.last = record.event;
  if (chain.last != record.event) {
    findings_.broken(clock_.now(), record.receiver.name + " gets a second end of task " + std::to_string(record.task));
  }
}

SendResult FakeReceivers::answer(Manner manner) {
  if (manner == Manner::hole) return fault(SendFault::timeout);
  if (manner == Manner::broken) return status(500);
  if (calm_) return status(200);
  switch (manner) {
    case Manner::flaky:
      if (dice_.chance(10)) return fault(SendFault::connect);
      if (dice_.chance(10)) return fault(SendFault::timeout);
      if (dice_.chance(3)) return fault(SendFault::proxy);
      if (dice_.chance(1)) return fault(SendFault::refused_address);
      return status(dice_.chance(20) ? 500 : 204);
    case Manner::overloaded: {
      SendResult result = status(dice_.chance(40) ? 429 : 200);
      if (result.http_status == 429 && dice_.chance(50)) result.retry_after = dice_.between(0ms, 3min);
      return result;
    }
    case Manner::gone:
      return status(dice_.chance(20) ? 410 : 200);
    default:
      return status(200);
  }
}

milliseconds FakeReceivers::delay(Manner manner, const SendResult& result) {
  if (result.fault == SendFault::timeout) return kPatience;
  if (manner == Manner::slow) return dice_.between(1s, 14s);
  return dice_.between(2ms, 300ms);
}

}  // namespace mjwatchd::sim

#include "daemon/core/gateway_link.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace mjwatchd {
namespace {
using namespace std::chrono_literals;

constexpr std::uint32_t kBreakerAt = 5;  ///< failures in a row
constexpr milliseconds kShortest = 1s, kLongest = 60s;
constexpr milliseconds kBreath = 200ms;
constexpr milliseconds kFirstRefusal = 5s;
constexpr milliseconds kBatchAgain = 10min;
constexpr milliseconds kNonsenseFold = 10min;
/// A gateway that asks for longer is asked again all the same; the answer says it once more.
constexpr milliseconds kLongestHint = 1h;
/// More 500s than this without an answer between them, and the gateway is ill, not a task: halving
/// a batch of 100 in breadth gives two or three in a row.
constexpr std::uint32_t kBrokenInRow = 4;
constexpr milliseconds kAnsweredLately = 10min;

milliseconds doubled(milliseconds wait, milliseconds first) {
  return wait == 0ms ? first : std::min(wait * 2, kLongest);
}
}  // namespace

GatewayLink::GatewayLink(std::string name, const GatewaySettings& settings, Time now)
    : name_(std::move(name)), settings_(settings), budget_(settings.max_calls_per_minute, now) {}

void GatewayLink::reconfigure(const GatewaySettings& settings) {
  settings_ = settings;
  budget_.configure(settings.max_calls_per_minute, daemons_);
}

void GatewayLink::share(unsigned daemons, Time now) {
  daemons_ = daemons;
  budget_.refill(now);
  budget_.configure(settings_.max_calls_per_minute, daemons_);
}

Time GatewayLink::ready_at() const {
  if (in_flight_ >= std::max<std::uint32_t>(settings_.max_in_flight, 1)) return kNever;
  Time at = std::max({budget_.ready_at(), quiet_until_, breath_until_});
  if (open_until_ || refused_until_) {
    if (probe_ != 0) return kNever;
    if (open_until_) at = std::max(at, *open_until_);
    if (refused_until_) at = std::max(at, *refused_until_);
  }
  return at;
}

std::size_t GatewayLink::most() const {
  if (refused_until_) return 1;
  const std::size_t batch = std::max<std::size_t>(settings_.batch, 1);
  return open_until_ ? std::min(batch, probe_size_) : batch;
}

void GatewayLink::called(Time now, CallNo call, std::size_t ids) {
  assert(ids > 0);
  assert(now >= ready_at());
  if (open_until_ || refused_until_) probe_ = call;
  budget_.spend(now);
  ++in_flight_;
  ++calls_;
  ids_asked_ += ids;
}

GatewayLink::Outcome GatewayLink::replied(CallNo call, bool batch, std::size_t ids, const FetchReply& reply, Time now,
                                          Actions& out) {
  using Verdict = FetchReply::Verdict;
  assert(in_flight_ > 0);
  --in_flight_;
  budget_.refill(now);
  if (probe_ == call) probe_ = 0;
  const bool fine = reply.verdict == Verdict::answered || reply.verdict == Verdict::unknown_task;
  if (!fine) {
    ++failed_;
    last_error_ = reply.detail;
    if (reply.retry_after)
      quiet_until_ = std::max(quiet_until_, now + std::clamp(*reply.retry_after, 0ms, kLongestHint));
  }
  switch (reply.verdict) {
    case Verdict::answered:
      well(now);
      last_error_.clear();
      if (batch) batches_ = true;
      return Outcome::read;
    case Verdict::unknown_task:
      if (batch) {  // an empty reply to a batch says nothing
        unavailable(now, out);
        return Outcome::later;
      }
      well(now);
      return Outcome::unknown;
    case Verdict::refused:
      refused(reply, now, out);
      return Outcome::later;
    case Verdict::throttled:
      throttled(reply, now);
      return Outcome::later;
    case Verdict::rejected:
      well(now);
      return batch ? Outcome::split : Outcome::later;
    case Verdict::unsupported:
      well(now);
      if (!batch) return Outcome::unknown;
      batches_ = false;
      batch_again_ = now + kBatchAgain;
      return Outcome::singly;
    case Verdict::failed:
      return broken(batch, ids, now, out);
    case Verdict::unavailable:
      unavailable(now, out);
      return Outcome::later;
    case Verdict::nonsense:
      nonsense(reply, now, out);
      return broken(batch, ids, now, out);
  }
  return Outcome::later;
}

/// One of the tasks may be too much for the gateway, or the gateway is ill.
GatewayLink::Outcome GatewayLink::broken(bool batch, std::size_t ids, Time now, Actions& out) {
  ++broken_replies_;
  if (batch && blames_a_task(now)) return Outcome::split;
  unavailable(now, out);
  return batch && ids == 1 && open_until_ ? Outcome::split : Outcome::later;
}

bool GatewayLink::blames_a_task(Time now) const {
  return last_answer_ && now - *last_answer_ < kAnsweredLately && broken_replies_ <= kBrokenInRow && !open_until_;
}

void GatewayLink::well(Time now) {
  last_answer_ = now;
  broken_replies_ = 0;
  failures_ = 0;
  breaker_wait_ = refusal_wait_ = throttle_wait_ = 0ms;
  open_until_.reset();
  refused_until_.reset();
}

void GatewayLink::throttled(const FetchReply& reply, Time now) {
  failures_ = 0;
  open_until_.reset();  // it is there, and says so
  throttle_wait_ = doubled(throttle_wait_, kShortest);
  // Some say "Retry-After: 0" all the time.
  quiet_until_ = std::max(quiet_until_, now + (reply.retry_after ? kShortest : throttle_wait_));
}

void GatewayLink::refused(const FetchReply& reply, Time now, Actions& out) {
  if (!refused_until_) {
    out.push_back(action::Warn{.gateway = name_,
                               .text = "the gateway refuses our token (" + reply.detail +
                                       "): its tasks are kept, and one is tried now and then"});
    refusal_wait_ = 0ms;
  }
  failures_ = 0;
  open_until_.reset();
  if (refused_until_ && now < *refused_until_) return;  // a call that left before the first refusal came
  refusal_wait_ = doubled(refusal_wait_, kFirstRefusal);
  refused_until_ = now + refusal_wait_;
}

void GatewayLink::unavailable(Time now, Actions& out) {
  ++failures_;
  if (failures_ < kBreakerAt) {
    breath_until_ = now + kBreath;
    return;
  }
  if (open_until_ && now < *open_until_) return;  // a call that left before the breaker opened
  if (!open_until_) {
    out.push_back(
        action::Warn{.gateway = name_, .text = "the gateway doesn't answer (" + last_error_ + "): waiting for it"});
  }
  if (breaker_wait_ == 0ms) probe_size_ = settings_.batch;
  probe_size_ = std::max<std::size_t>(probe_size_ / 4, 1);
  breaker_wait_ = doubled(breaker_wait_, kShortest);
  open_until_ = now + breaker_wait_;
}

void GatewayLink::nonsense(const FetchReply& reply, Time now, Actions& out) {
  if (nonsense_said_ && now - *nonsense_said_ < kNonsenseFold) {
    ++nonsense_unsaid_;
    return;
  }
  std::string text = "a reply that can't be understood: " + reply.detail;
  if (nonsense_unsaid_ > 0) text += " (and " + std::to_string(nonsense_unsaid_) + " more before)";
  out.push_back(action::Warn{.gateway = name_, .text = std::move(text)});
  nonsense_said_ = now;
  nonsense_unsaid_ = 0;
}

GatewayLink::State GatewayLink::state(Time now) const {
  if (refused_until_) return State::refused;
  if (open_until_) return probe_ != 0 ? State::probing : State::open;
  if (quiet_until_ > now) return State::throttled;
  return State::up;
}

}  // namespace mjwatchd

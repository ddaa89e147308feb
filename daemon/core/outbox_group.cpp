#include "daemon/core/outbox_group.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

namespace mjwatchd::outbox {
namespace {

constexpr std::uint32_t kBadInRow = 10;
constexpr std::uint32_t kFewest = 10;  ///< attempts in the window before a share means anything
constexpr milliseconds kSlice = std::chrono::seconds(30);
constexpr milliseconds kFirstOpen = std::chrono::seconds(30);
constexpr milliseconds kLongestOpen = std::chrono::minutes(30);

std::int64_t slice_number(Time now) { return now.time_since_epoch() / kSlice; }

}  // namespace

SendGroup::SendGroup(const EndpointSettings& limits, unsigned daemons)
    : limits_(limits), daemons_(daemons), allowed_(std::max(1U, limits.max_in_flight)), tokens_(burst()) {}

void SendGroup::set_limits(const EndpointSettings& limits) {
  if (limits.max_in_flight != limits_.max_in_flight) allowed_ = std::max(1U, limits.max_in_flight);
  limits_ = limits;
  tokens_ = std::min(tokens_, burst());
}

void SendGroup::share(unsigned daemons, Time now) {
  tokens_ = tokens_at(now);  // what was earned at the rate before
  tokens_at_ = now;
  daemons_ = daemons;
  tokens_ = std::min(tokens_, burst());
}

Time SendGroup::may_send_at(Time now, bool test) const {
  if (in_flight_ >= allowed_) return kNever;
  Time when = std::max(now, paused_until_);
  if (open_) {
    if (probe_ != 0) return kNever;
    if (!test) when = std::max(when, open_until_);
  }
  if (limits_.max_per_second > 0) {
    if (daemons_ == 0) return kNever;
    const double missing = 1.0 - tokens_at(now);
    if (missing > 0) {
      const double ms = std::ceil(missing * 1000.0 / rate());
      when = std::max(when, now + milliseconds(static_cast<milliseconds::rep>(std::min(ms, 86'400'000.0))));
    }
  }
  return when;
}

double SendGroup::tokens_at(Time now) const {
  if (tokens_at_ == Time::min()) return tokens_;
  const double passed_s = static_cast<double>((now - tokens_at_).count()) / 1000.0;
  return std::min(burst(), tokens_ + passed_s * rate());
}

void SendGroup::began(DeliveryNo delivery, Time now) {
  assert(in_flight_ < allowed_);
  ++in_flight_;
  if (open_) {
    assert(probe_ == 0);
    probe_ = delivery;
  }
  if (limits_.max_per_second > 0) {
    // May fall a hair below zero by rounding; that is paid back by the next wait.
    tokens_ = tokens_at(now) - 1.0;
    tokens_at_ = now;
  }
}

void SendGroup::ended(const AttemptEnd& end, Time now) {
  assert(in_flight_ > 0);
  --in_flight_;
  if (end.slow_down && end.began >= halved_at_) {
    allowed_ = std::max(1U, allowed_ / 2);
    halved_at_ = now;
    good_since_growth_ = 0;
  } else if (end.success && allowed_ < limits_.max_in_flight && ++good_since_growth_ >= allowed_) {
    ++allowed_;
    good_since_growth_ = 0;
  }
  if (open_) {
    if (probe_ != end.delivery) return;
    probe_ = 0;
    if (end.success) {
      close();
    } else if (end.charged) {
      open(now);
    }
    return;
  }
  if (!end.success && !end.charged) return;
  count(end.success, now);
  if (end.success) return;  // one that has just answered well is not left alone for what was before
  if (bad_in_row_ >= kBadInRow || mostly_failing(now)) open(now);
}

void SendGroup::count(bool success, Time now) {
  bad_in_row_ = success ? 0 : bad_in_row_ + 1;
  const auto number = slice_number(now);
  auto& slice = slices_[static_cast<std::size_t>(number % static_cast<std::int64_t>(slices_.size()))];
  if (slice.number != number) slice = Slice{number, 0, 0};
  ++(success ? slice.good : slice.bad);
}

bool SendGroup::mostly_failing(Time now) const {
  const auto oldest = slice_number(now) - static_cast<std::int64_t>(slices_.size());
  std::uint32_t good = 0;
  std::uint32_t bad = 0;
  for (const Slice& slice : slices_) {
    if (slice.number <= oldest) continue;
    good += slice.good;
    bad += slice.bad;
  }
  return good + bad >= kFewest && bad * 10 >= (good + bad) * 7;
}

void SendGroup::open(Time now) {
  open_ = true;
  open_for_ = open_for_.count() == 0 ? kFirstOpen : std::min(kLongestOpen, open_for_ * 2);
  open_until_ = now + open_for_;
}

void SendGroup::close() {
  open_ = false;
  open_for_ = milliseconds(0);
  bad_in_row_ = 0;
  slices_ = {};
}

void SendGroup::pause_until(Time when) { paused_until_ = std::max(paused_until_, when); }

void SendGroup::forgive() {
  close();
  probe_ = 0;
  paused_until_ = Time::min();
  allowed_ = std::max(1U, limits_.max_in_flight);
}

std::string_view SendGroup::breaker() const {
  if (!open_) return "closed";
  return probe_ != 0 ? "probing" : "open";
}

bool SendGroup::plain(Time now) const {
  return !open_ && in_flight_ == 0 && bad_in_row_ == 0 && paused_until_ <= now && allowed_ >= limits_.max_in_flight;
}

}  // namespace mjwatchd::outbox

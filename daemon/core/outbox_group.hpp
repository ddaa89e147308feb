// Receivers that share a server: their limits, their breaker and their pauses.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "mjwatchd/delivery.hpp"
#include "mjwatchd/settings.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd::outbox {

/// How a group's attempt ended, as far as the group cares.
struct AttemptEnd {
  DeliveryNo delivery = 0;
  Time began{};
  bool success = false;
  bool charged = true;     ///< false: says nothing about the server
  bool slow_down = false;  ///< the server is overloaded
};

/// Says when the next attempt to one server may start. Owned by the outbox; loop thread.
///
/// The breaker opens at 10 failures in a row, or when at least 70 % of at least 10 attempts within
/// 5 minutes failed; it stays open for 30 s, doubling to 30 m, and then lets one probe through.
/// Attempts that began before it opened no longer move it. Concurrency is halved by an overloaded
/// server, once for all that was in flight together, and grows back one by one. A rate is for all daemons
/// that share the watch list together, each of which spends an equal part of it.
class SendGroup {
 public:
  explicit SendGroup(const EndpointSettings& limits, unsigned daemons = 1);
  void set_limits(const EndpointSettings& limits);
  /// 0: others don't count on this daemon yet, so that where there is a rate it may spend nothing of it.
  void share(unsigned daemons, Time now);

  /// The first moment (now or later) at which one more attempt may start; kNever while only the end
  /// of another, or another share, can make room. A test does not wait for the breaker: someone wants to see.
  [[nodiscard]] Time may_send_at(Time now, bool test) const;
  void began(DeliveryNo delivery, Time now);
  void ended(const AttemptEnd& end, Time now);
  void pause_until(Time when);
  /// Someone says that the server is well again.
  void forgive();

  [[nodiscard]] std::string_view breaker() const;
  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
  /// Nothing would be forgotten with it.
  [[nodiscard]] bool plain(Time now) const;

 private:
  struct Slice {
    std::int64_t number = -1;
    std::uint32_t good = 0, bad = 0;
  };

  void count(bool success, Time now);
  [[nodiscard]] bool mostly_failing(Time now) const;
  void open(Time now);
  void close();
  [[nodiscard]] double rate() const { return daemons_ == 0 ? 0 : limits_.max_per_second / daemons_; }
  [[nodiscard]] double burst() const { return daemons_ == 0 ? 0 : std::max(1.0, rate()); }
  [[nodiscard]] double tokens_at(Time now) const;

  EndpointSettings limits_;
  unsigned daemons_;
  std::uint32_t allowed_;  ///< of limits_.max_in_flight, after halving
  std::uint32_t good_since_growth_ = 0;
  Time halved_at_ = Time::min();
  std::uint32_t in_flight_ = 0;
  Time paused_until_ = Time::min();

  bool open_ = false;
  Time open_until_ = Time::min();
  milliseconds open_for_{0};
  DeliveryNo probe_ = 0;
  std::uint32_t bad_in_row_ = 0;
  std::array<Slice, 10> slices_{};

  double tokens_;
  Time tokens_at_ = Time::min();
};

}  // namespace mjwatchd::outbox

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>

#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// A moment on the steady line in five bytes, for what there may be a million of. Exact to the
/// millisecond for 17 years about the line's origin; what lies after is never, what lies before is as
/// long ago as can be told.
class ShortTime {
 public:
  ShortTime() = default;
  ShortTime(Time time) {  // NOLINT(google-explicit-constructor): stands for it everywhere
    const Time::rep count = time.time_since_epoch().count();
    const Time::rep kept = time == Time::min() ? kMin : count > kMax ? kMax : std::max(count, kMin + 1);
    std::memcpy(bytes_.data(), &kept, bytes_.size());  // the low ones: all machines we are built for begin with them
  }
  operator Time() const {  // NOLINT(google-explicit-constructor)
    const Time::rep count = kept();
    if (count == kMax) return kNever;
    return count == kMin ? Time::min() : Time(milliseconds(count));
  }
  friend bool operator==(const ShortTime& a, const ShortTime& b) { return a.kept() == b.kept(); }
  friend std::strong_ordering operator<=>(const ShortTime& a, const ShortTime& b) { return a.kept() <=> b.kept(); }
  friend bool operator==(const ShortTime& a, Time b) { return Time(a) == b; }
  friend std::strong_ordering operator<=>(const ShortTime& a, Time b) { return Time(a) <=> b; }

 private:
  static constexpr int kUnused = 24;
  static constexpr Time::rep kMax = (Time::rep{1} << 39) - 1, kMin = -(Time::rep{1} << 39);
  static_assert(std::endian::native == std::endian::little);

  [[nodiscard]] Time::rep kept() const {
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes_.data(), bytes_.size());
    return static_cast<Time::rep>(bits << kUnused) >> kUnused;  // with its sign
  }

  std::array<unsigned char, 5> bytes_{};  ///< two's complement; 0: the origin
};
static_assert(sizeof(ShortTime) == 5 && alignof(ShortTime) == 1);

/// A moment that may not be known, in the room of one.
class MaybeTime {
 public:
  MaybeTime() = default;
  MaybeTime(Time time) : time_(time) {}                                    // NOLINT
  MaybeTime(std::optional<Time> time) : time_(time.value_or(kUnknown)) {}  // NOLINT: stands for it everywhere
  operator std::optional<Time>() const { return *this ? std::optional(Time(time_)) : std::nullopt; }  // NOLINT
  explicit operator bool() const { return time_ != kUnknown; }
  Time operator*() const { return time_; }
  void reset() { time_ = kUnknown; }

 private:
  static constexpr Time kUnknown = Time::min();
  ShortTime time_ = kUnknown;
};

}  // namespace mjwatchd

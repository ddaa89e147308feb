#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// Finds slots by a key that lies elsewhere: a table with open places of four bytes, at most three
/// quarters of them taken. Whoever uses it says a slot's hash and whether it is the one.
class SlotIndex {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  /// `is(slot)`: whether that slot has the key.
  template <typename Is>
  [[nodiscard]] std::optional<TaskSlot> find(std::uint64_t hash, Is is) const {
    if (size_ == 0) return std::nullopt;
    for (std::size_t at = hash & mask(); places_[at] != kOpen; at = (at + 1) & mask()) {
      if (is(places_[at])) return places_[at];
    }
    return std::nullopt;
  }

  /// A slot that is not there yet; `hash_of(slot)` is asked for others when they have to move.
  template <typename HashOf>
  void add(TaskSlot slot, HashOf hash_of) {
    if (4 * (size_ + 1) > 3 * places_.size()) {
      std::vector<TaskSlot> before(places_.empty() ? kLeast : 2 * places_.size(), kOpen);
      before.swap(places_);
      for (const TaskSlot one : before) {
        if (one != kOpen) put(one, hash_of(one));
      }
    }
    put(slot, hash_of(slot));
    ++size_;
  }

  /// A slot that is there. Those behind it move up, so that no gap cuts them off.
  template <typename HashOf>
  void remove(TaskSlot slot, HashOf hash_of) {
    std::size_t gap = hash_of(slot) & mask();
    while (places_[gap] != slot) gap = (gap + 1) & mask();
    for (std::size_t at = (gap + 1) & mask(); places_[at] != kOpen; at = (at + 1) & mask()) {
      const std::size_t wanted = hash_of(places_[at]) & mask();
      // It may move to the gap if that does not lie before the place it wants.
      if (((at - wanted) & mask()) < ((at - gap) & mask())) continue;
      places_[gap] = places_[at];
      gap = at;
    }
    places_[gap] = kOpen;
    --size_;
  }

 private:
  static constexpr TaskSlot kOpen = ~TaskSlot{0};
  static constexpr std::size_t kLeast = 16;

  [[nodiscard]] std::size_t mask() const { return places_.size() - 1; }
  void put(TaskSlot slot, std::uint64_t hash) {
    std::size_t at = hash & mask();
    while (places_[at] != kOpen) at = (at + 1) & mask();
    places_[at] = slot;
  }

  std::vector<TaskSlot> places_;  ///< a power of two
  std::size_t size_ = 0;
};

}  // namespace mjwatchd

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "daemon/core/block_pool.hpp"
#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// Slots by time, the soonest on top. It holds on to what became stale: whoever uses it knows which
/// items still count.
///
/// A few are a heap. Of many, the first slice of time that has any is sorted; those of later slices wait unsorted in
/// eight bytes each. With a million slots a single heap spends its time waiting for memory.
class SlotCalendar {
 public:
  struct Item {
    Time when;
    TaskSlot slot;
    bool operator<(const Item& other) const {
      return when != other.when ? when > other.when : slot > other.slot;  // the greatest is the soonest
    }
  };

  [[nodiscard]] bool empty() const { return sorted_.empty() && added_.empty(); }
  [[nodiscard]] const Item& top() const { return added_on_top() ? added_.front() : sorted_.back(); }

  /// The slot that will be on top after so many pops, if that is easily told.
  [[nodiscard]] std::optional<TaskSlot> after(std::size_t pops) const {
    if (sorted_.size() <= pops) return std::nullopt;
    return sorted_[sorted_.size() - 1 - pops].slot;
  }

  void push(const Item& item) {
    if (!later_.empty() && slice(item.when) >= edge_) return put_off(item);
    if (later_.empty()) edge_ = std::max(edge_, slice(item.when) + 1);  // few enough for the heap alone
    added_.push_back(item);
    std::push_heap(added_.begin(), added_.end());
    if (added_.size() > std::max(kMostAdded, sorted_.size())) sort_anew();
  }

  void pop() {
    if (added_on_top()) {
      std::pop_heap(added_.begin(), added_.end());
      added_.pop_back();
    } else {
      sorted_.pop_back();
    }
    if (empty()) open();
  }

 private:
  static constexpr Time::rep kSlice = 32;  ///< milliseconds
  static constexpr std::size_t kMostAdded = 512;
  struct Later {
    std::uint32_t into;  ///< the slice, milliseconds
    TaskSlot slot;
  };
  using Put = BlockPool<Later>::List;
  [[nodiscard]] static Time::rep slice(Time when) {
    const Time::rep count = when.time_since_epoch().count();
    return (count - (count < 0 ? kSlice - 1 : 0)) / kSlice;
  }
  [[nodiscard]] bool added_on_top() const {
    return sorted_.empty() || (!added_.empty() && sorted_.back() < added_.front());
  }

  void put_off(const Item& item) {
    const Time::rep first = slice(item.when);
    const Time::rep into = item.when.time_since_epoch().count() - first * kSlice;
    pool_.push_back(later_[first], {static_cast<std::uint32_t>(into), item.slot});
  }

  /// Sorts the first slice of those put off.
  void open() {
    if (later_.empty()) return;
    const auto first = later_.begin();
    const Time begin{milliseconds(first->first * kSlice)};
    if (sorted_.capacity() > 2 * first->second.size + kMostAdded) sorted_ = {};
    pool_.take(first->second, [&](const Later& one) { sorted_.push_back({begin + milliseconds(one.into), one.slot}); });
    std::sort(sorted_.begin(), sorted_.end());
    edge_ = first->first + 1;
    later_.erase(first);
  }

  /// So many were added before the edge that it lies too far in the future.
  void sort_anew() {
    for (const Item& item : sorted_) put_off(item);
    for (const Item& item : added_) put_off(item);
    sorted_.clear();
    added_.clear();
    open();
  }

  std::vector<Item> sorted_;        ///< the soonest last
  std::vector<Item> added_;         ///< a heap; came before the edge since
  std::map<Time::rep, Put> later_;  ///< by slice; none while the others are empty
  BlockPool<Later> pool_;           ///< theirs
  Time::rep edge_ = 0;              ///< first slice that is put off
};

}  // namespace mjwatchd

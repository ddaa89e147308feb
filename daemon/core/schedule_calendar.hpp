#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// Slots by time, the soonest on top. It holds on to what became stale: whoever uses it knows which
/// items still count.
///
/// A heap of the soonest, and the others unsorted by slices of time: with a million slots a single
/// heap spends its time waiting for memory.
class SlotCalendar {
 public:
  struct Item {
    Time when;
    TaskSlot slot;
    bool operator<(const Item& other) const {
      return when != other.when ? when > other.when : slot > other.slot;  // the greatest is the soonest
    }
  };

  [[nodiscard]] bool empty() const { return soon_.empty(); }
  [[nodiscard]] const Item& top() const { return soon_.front(); }

  void push(const Item& item) {
    if (soon_.empty() && later_.empty()) edge_ = slice(item.when) + 1;
    if (slice(item.when) < edge_) {
      soon_.push_back(item);
      std::push_heap(soon_.begin(), soon_.end());
      return;
    }
    later_[slice(item.when)].push_back(item);
  }

  void pop() {
    std::pop_heap(soon_.begin(), soon_.end());
    soon_.pop_back();
    if (!soon_.empty() || later_.empty()) return;
    const auto first = later_.begin();
    edge_ = first->first + 1;
    soon_.assign(first->second.begin(), first->second.end());
    later_.erase(first);
    std::make_heap(soon_.begin(), soon_.end());
  }

 private:
  static constexpr Time::rep kSlice = 32;  ///< milliseconds
  [[nodiscard]] static Time::rep slice(Time when) { return when.time_since_epoch().count() / kSlice; }

  std::vector<Item> soon_;  ///< a heap; empty only if all is
  std::map<Time::rep, std::deque<Item>> later_;
  Time::rep edge_ = 0;  ///< first slice that is not in soon_
};

}  // namespace mjwatchd

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "daemon/core/schedule_curve.hpp"
#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// Some hundred slots in the order of their due times, each with its curve once that is needed. They come and go at
/// each look: kept side by side in one piece, they cost a few moves of memory and nothing of the heap.
class NearList {
  using Place = std::uint32_t;  ///< of a curve
  static constexpr Place kNone = ~Place{0};

 public:
  struct Item {
    Time due;
    TaskSlot slot;
    Place curve;
    [[nodiscard]] bool before(Time other, TaskSlot other_slot) const {
      return due != other ? due < other : slot < other_slot;
    }
  };
  using Iterator = std::vector<Item>::const_iterator;

  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] Iterator begin() const { return items_.begin(); }
  [[nodiscard]] Iterator end() const { return items_.end(); }
  [[nodiscard]] const Item& front() const { return items_.front(); }
  [[nodiscard]] const Item& back() const { return items_.back(); }
  [[nodiscard]] const Item& operator[](std::size_t place) const { return items_[place]; }

  void insert(Time due, TaskSlot slot) { items_.insert(place(due, slot), Item{due, slot, kNone}); }
  void insert(Time due, TaskSlot slot, const Curve& curve) {
    const Place at = room();
    curves_[at] = curve;
    items_.insert(place(due, slot), Item{due, slot, at});
  }
  /// One that is there.
  void erase(Time due, TaskSlot slot) {
    const auto found = place(due, slot);
    give_back(found->curve);
    items_.erase(found);
  }
  void pop_back() {
    give_back(items_.back().curve);
    items_.pop_back();
  }

  /// Of the item at that place; `make(slot)` is called if it was not needed before. Good until the next that is made.
  template <typename Make>
  const Curve& curve(std::size_t place, Make make) {
    Item& item = items_[place];
    if (item.curve == kNone) {
      item.curve = room();
      curves_[item.curve] = make(item.slot);
    }
    return curves_[item.curve];
  }

 private:
  [[nodiscard]] std::vector<Item>::iterator place(Time due, TaskSlot slot) {
    return std::partition_point(items_.begin(), items_.end(), [&](const Item& one) { return one.before(due, slot); });
  }
  Place room() {
    if (free_.empty()) {
      curves_.emplace_back();
      return static_cast<Place>(curves_.size() - 1);
    }
    const Place at = free_.back();
    free_.pop_back();
    return at;
  }
  void give_back(Place curve) {
    if (curve != kNone) free_.push_back(curve);
  }

  std::vector<Item> items_;
  std::vector<Curve> curves_;
  std::vector<Place> free_;  ///< curves that are nobody's
};

}  // namespace mjwatchd

// Deliveries that wait for their group to let them go: the oldest first.
#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "mjwatchd/delivery.hpp"

namespace mjwatchd::outbox {

using Index = std::uint32_t;
inline constexpr Index kNone = ~Index{0};

/// Points to an entry as long as it stays in its place.
struct Ref {
  Index entry = kNone;
  std::uint32_t generation = 0;
};
/// A generation that no entry ever has.
inline constexpr std::uint32_t kNoGeneration = ~std::uint32_t{0};

/// A queue in the order of the deliveries' numbers. Most come in that order and cost no more than in
/// any queue; those that come late (a retry, the next one of a task) find their place by a heap.
/// Owned by a group; refs may be stale, whoever takes them looks.
class Line {
 public:
  [[nodiscard]] bool empty() const { return in_order_.empty() && late_.empty(); }

  void push(DeliveryNo rank, Ref ref) {
    if (in_order_.empty() || rank > in_order_.back().rank) {
      in_order_.push_back({rank, ref});
      return;
    }
    late_.push_back({rank, ref});
    std::push_heap(late_.begin(), late_.end(), Later{});
  }

  [[nodiscard]] Ref front() const { return late_first() ? late_.front().ref : in_order_.front().ref; }

  void pop() {
    if (!late_first()) return in_order_.pop_front();
    std::pop_heap(late_.begin(), late_.end(), Later{});
    late_.pop_back();
  }

  void clear() {
    in_order_.clear();
    late_.clear();
  }

 private:
  struct Item {
    DeliveryNo rank = 0;
    Ref ref;
  };
  struct Later {  // orders the heap: the oldest on top
    bool operator()(const Item& a, const Item& b) const { return a.rank > b.rank; }
  };

  [[nodiscard]] bool late_first() const {
    return !late_.empty() && (in_order_.empty() || late_.front().rank < in_order_.front().rank);
  }

  std::deque<Item> in_order_;
  std::vector<Item> late_;
};

}  // namespace mjwatchd::outbox

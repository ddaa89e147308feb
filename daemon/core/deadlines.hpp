#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "daemon/core/short_time.hpp"
#include "mjwatchd/poll_schedule.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// When which task wants attention without being asked about: its expiry, its pictures, a commit to
/// be tried again. Lazy: an item is good only while its task's `timer` says the same moment (which no empty slot's
/// does).
class Deadlines {
 public:
  struct Item {
    TaskSlot slot;
    std::uint16_t poller;  ///< its number
    ShortTime when;
  };
  static_assert(sizeof(Item) == 12);

  void push(const Item& item) { heap_.push(item); }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] const Item& top() const { return heap_.top(); }
  void pop() { heap_.pop(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  /// Drops every item for which `stale` is true; called when most are.
  template <typename Stale>
  void sweep(Stale stale) {
    std::vector<Item> kept;
    for (; !heap_.empty(); heap_.pop()) {
      if (!stale(heap_.top())) kept.push_back(heap_.top());
    }
    heap_ = Heap(Later{}, std::move(kept));
  }

 private:
  struct Later {
    bool operator()(const Item& a, const Item& b) const {
      if (a.when != b.when) return a.when > b.when;
      return a.poller != b.poller ? a.poller > b.poller : a.slot > b.slot;
    }
  };
  using Heap = std::priority_queue<Item, std::vector<Item>, Later>;
  Heap heap_;
};

}  // namespace mjwatchd

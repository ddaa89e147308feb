// Virtual time: what is to happen, in its order.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::sim {

/// Runs steps at their moments; those of one moment in the order in which they were asked for.
class Clockwork {
 public:
  using Step = std::function<void()>;

  [[nodiscard]] milliseconds now() const { return now_; }
  void at(milliseconds when, Step step) { steps_.push({std::max(when, now_), ++number_, std::move(step)}); }
  void in(milliseconds wait, Step step) { at(now_ + wait, std::move(step)); }
  /// Runs the next step; false when there is none.
  bool turn() {
    if (steps_.empty()) return false;
    Item item = steps_.top();
    steps_.pop();
    now_ = item.when;
    item.step();
    return true;
  }

 private:
  struct Item {
    milliseconds when;
    std::uint64_t number;
    Step step;
    bool operator<(const Item& other) const {
      return when != other.when ? when > other.when : number > other.number;  // the soonest on top
    }
  };
  std::priority_queue<Item> steps_;
  std::uint64_t number_ = 0;
  milliseconds now_{0};
};

}  // namespace mjwatchd::sim

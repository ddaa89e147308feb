// Virtual time: what is to happen, in its order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::sim {

/// Runs steps at their moments; those of one moment in the order in which they were asked for.
///
/// Only what happens within the present slice of time is kept in order: of a day there may be tens of
/// thousands of steps to come, of a minute hardly any.
class Clockwork {
 public:
  using Step = std::function<void()>;

  [[nodiscard]] milliseconds now() const { return now_; }
  void at(milliseconds when, Step&& step) {
    if (when <= now_) return at_once_.push_back(std::move(step));
    const Item item{when, ++number_, keep(std::move(step))};
    if (item.when >= edge_) {
      later_[item.when / kSlice].push_back(item);
    } else {
      soon_.push_back(item);
      std::push_heap(soon_.begin(), soon_.end());
    }
  }
  void in(milliseconds wait, Step&& step) { at(now_ + wait, std::move(step)); }
  /// Runs the next step; false when there is none.
  bool turn() {
    if (!at_once_.empty() && (soon_.empty() || soon_.front().when > now_)) {
      const Step step = std::move(at_once_.front());
      at_once_.pop_front();
      step();
      return true;
    }
    if (soon_.empty() && !open()) return false;
    std::pop_heap(soon_.begin(), soon_.end());
    const Item item = soon_.back();
    soon_.pop_back();
    now_ = item.when;
    Step step;
    step.swap(steps_[item.place]);
    free_.push_back(item.place);
    step();
    return true;
  }

 private:
  static constexpr milliseconds kSlice{60'000};
  struct Item {
    milliseconds when;
    std::uint64_t number;
    std::size_t place;  ///< in steps_
    bool operator<(const Item& other) const {
      return when != other.when ? when > other.when : number > other.number;  // the soonest on top
    }
  };

  std::size_t keep(Step&& step) {
    if (free_.empty()) {
      steps_.push_back(std::move(step));
      return steps_.size() - 1;
    }
    const std::size_t place = free_.back();
    free_.pop_back();
    steps_[place].swap(step);  // nothing is there
    return place;
  }
  bool open() {
    if (later_.empty()) return false;
    const auto first = later_.begin();
    soon_ = std::move(first->second);
    std::make_heap(soon_.begin(), soon_.end());
    edge_ = kSlice * (first->first + 1);
    later_.erase(first);
    return true;
  }

  std::deque<Step> at_once_;                              ///< after all of this moment that were asked for before it
  std::vector<Item> soon_;                                ///< a heap: what happens before the edge
  std::map<milliseconds::rep, std::vector<Item>> later_;  ///< by slice
  std::vector<Step> steps_;
  std::vector<std::size_t> free_;
  std::uint64_t number_ = 0;
  milliseconds now_{0}, edge_{0};
};

}  // namespace mjwatchd::sim

// Virtual time: what is to happen, in its order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "mjwatchd/time.hpp"
#include "tests/sim/slots.hpp"
#include "tests/sim/step.hpp"

namespace mjwatchd::sim {

/// Runs steps at their moments; those of one moment in the order in which they were asked for.
///
/// Only what happens within the present slice of time is kept in order: of a day there may be tens of
/// thousands of steps to come, of a minute hardly any.
class Clockwork {
 public:
  [[nodiscard]] milliseconds now() const { return now_; }
  /// A step that fits into a Step costs next to nothing; any other is kept apart.
  template <typename What>
  void at(milliseconds when, What what) {
    if constexpr (Step::takes<What>) {
      plan(when, Step(what));
    } else {
      const std::size_t place = large_.take();
      large_[place] = std::move(what);
      plan(when, Step([this, place] { run_large(place); }));
    }
  }
  template <typename What>
  void in(milliseconds wait, What what) {
    at(now_ + wait, std::move(what));
  }
  /// Runs the next step; false when there is none.
  bool turn() {
    if (next_at_once_ != at_once_.size() && (soon_.empty() || soon_.back().when > now_)) {
      run_at_once();
      return true;
    }
    if (soon_.empty() && !open()) return false;
    Item item = soon_.back();
    soon_.pop_back();
    now_ = item.when;
    item.step();
    return true;
  }

 private:
  static constexpr milliseconds kSlice{60'000};
  struct Item {
    milliseconds when;
    Step step;
  };

  void plan(milliseconds when, const Step& step) {
    if (when <= now_) {
      at_once_.push_back(step);
    } else if (when >= edge_) {
      later_[when / kSlice].push_back({when, step});
    } else {  // most happen before all that is planned already
      const auto sooner = std::find_if(soon_.rbegin(), soon_.rend(), [&](const Item& one) { return one.when > when; });
      soon_.insert(sooner.base(), {when, step});
    }
  }
  void run_at_once() {
    Step step = at_once_[next_at_once_++];
    if (next_at_once_ == at_once_.size()) {
      at_once_.clear();
      next_at_once_ = 0;
    }
    step();
  }
  void run_large(std::size_t place) {
    const std::function<void()> step = std::exchange(large_[place], nullptr);
    large_.give_back(place);
    step();
  }
  bool open() {
    if (later_.empty()) return false;
    const auto first = later_.begin();
    soon_.assign(first->second.rbegin(), first->second.rend());
    std::stable_sort(soon_.begin(), soon_.end(), [](const Item& a, const Item& b) { return a.when > b.when; });
    edge_ = kSlice * (first->first + 1);
    later_.erase(first);
    return true;
  }

  std::vector<Step> at_once_;  ///< after all of this moment that were asked for before it
  std::size_t next_at_once_ = 0;
  std::vector<Item> soon_;                                ///< what happens before the edge, the soonest at the end
  std::map<milliseconds::rep, std::vector<Item>> later_;  ///< by slice, as they were asked for
  Slots<std::function<void()>> large_;
  milliseconds now_{0}, edge_{0};
};

}  // namespace mjwatchd::sim

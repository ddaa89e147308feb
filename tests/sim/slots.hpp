// Where a model keeps what is under way.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

namespace mjwatchd::sim {

/// Things at places, which never move; a place that was given back is the next to be used again, and what lies there
/// keeps its memory.
template <typename Thing>
class Slots {
 public:
  /// A place with a new thing, or with what was left in it.
  std::size_t take() {
    if (free_.empty()) {
      things_.emplace_back();
      return things_.size() - 1;
    }
    const std::size_t place = free_.back();
    free_.pop_back();
    return place;
  }
  Thing& operator[](std::size_t place) { return things_[place]; }
  void give_back(std::size_t place) { free_.push_back(place); }

 private:
  std::deque<Thing> things_;
  std::vector<std::size_t> free_;
};

}  // namespace mjwatchd::sim

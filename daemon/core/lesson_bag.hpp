#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// What one gateway's schedule has learned and the store that several daemons share does not have yet: what is on its
/// way there, and what goes with the next. No lesson is given twice, and none is lost but by a crash. Owned by the
/// Poller; pure. Texts are a schedule's.
class LessonBag {
 public:
  void add(std::string_view lessons) { waiting_ = merge_learned(waiting_, lessons); }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] bool under_way() const { return under_way_; }

  /// Everything, which may be nothing; not while something is under way.
  [[nodiscard]] const std::string& send() {
    under_way_ = true;
    return sent_ = std::exchange(waiting_, {});
  }
  /// The store has it, and knows this now. Answers what is known altogether.
  [[nodiscard]] std::string arrived(std::string_view known) {
    under_way_ = false;
    sent_.clear();
    return merge_learned(known, waiting_);
  }
  /// The store has it not.
  void came_back() {
    under_way_ = false;
    waiting_ = merge_learned(std::exchange(sent_, {}), waiting_);
  }

 private:
  std::string waiting_, sent_;
  bool under_way_ = false;
};

}  // namespace mjwatchd

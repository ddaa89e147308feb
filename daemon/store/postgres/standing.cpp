#include "daemon/store/postgres/standing.hpp"

#include <algorithm>
#include <utility>

namespace mjwatchd::store::postgres {

void Standing::begin(DaemonNo no, Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  no_ = no;
  until_ = until.time_since_epoch().count();
  let_go_ = false;
}

bool Standing::renew(Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  if (let_go_) return false;
  until_ = until.time_since_epoch().count();
  return true;
}

bool Standing::still(DaemonNo no) const {
  const std::lock_guard lock(mutex_);
  return !let_go_ && no_ == no;
}

std::vector<Event> Standing::let_all_go() {
  std::vector<Event> events = untold();
  {
    const std::lock_guard lock(mutex_);
    let_go_ = true;
    until_ = 0;
  }
  for (Event& event : held_.release_all()) events.push_back(std::move(event));
  return events;
}

void Standing::lose_all() {
  std::vector<Event> events = let_all_go();
  const std::lock_guard lock(mutex_);
  untold_ = std::move(events);
  any_untold_ = !untold_.empty();
}

std::vector<Event> Standing::untold() {
  if (!any_untold_) return {};
  const std::lock_guard lock(mutex_);
  any_untold_ = false;
  return std::exchange(untold_, {});
}

void Standing::seen(std::vector<Member> members) {
  const std::lock_guard lock(mutex_);
  members_ = std::move(members);
  seen_at_ = Clock::now();
}

Sharing Standing::sharing() const {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  Sharing sharing{members_, held_.live(), {}};
  const auto since = std::chrono::floor<milliseconds>(now - seen_at_);
  for (Member& member : sharing.members) member.silent += since;
  const auto left = Clock::time_point(Clock::duration(until_.load())) - now;
  sharing.surely = std::max(std::chrono::floor<milliseconds>(left), milliseconds(0));
  return sharing;
}

void Standing::away(std::string why) {
  const std::lock_guard lock(mutex_);
  away_ = std::move(why);
}

std::string Standing::away() const {
  const std::lock_guard lock(mutex_);
  return away_;
}

}  // namespace mjwatchd::store::postgres

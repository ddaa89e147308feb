// Whether this daemon is one of those of the watch list, as all its threads see it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/store/postgres/holdings.hpp"
#include "daemon/store/sharing.hpp"
#include "mjwatchd/event.hpp"

namespace mjwatchd::store::postgres {

/// A daemon's number among those of the watch list. Each joining gives a new one, so that nothing that was begun
/// under an earlier one can be taken for something of today.
using DaemonNo = std::int64_t;

/// This daemon's number, how long it is surely its own, and the tasks it holds under it. Any thread.
class Standing {
 public:
  /// Joined: holds nothing yet, and what it will hold until `until` at least.
  void begin(DaemonNo no, Clock::time_point until);
  /// False when all was let go meanwhile, so that it must join anew.
  [[nodiscard]] bool renew(Clock::time_point until);
  /// 0: nothing is surely ours now.
  [[nodiscard]] DaemonNo number() const { return lapsed() ? 0 : no_.load(); }
  [[nodiscard]] bool lapsed() const { return Clock::now().time_since_epoch().count() >= until_; }
  /// The number at the last joining, whether it still counts or not.
  [[nodiscard]] DaemonNo last_number() const { return no_; }

  /// Whether what was taken under this number is still ours: not once all was let go, even if others don't know yet.
  [[nodiscard]] bool still(DaemonNo no) const;

  [[nodiscard]] Holdings& held() { return held_; }
  [[nodiscard]] const Holdings& held() const { return held_; }
  /// Everything, as the core is told that it is no longer ours.
  [[nodiscard]] std::vector<Event> let_all_go();
  /// Others may have everything already: the core is told by untold(), before it does anything more.
  void lose_all();
  [[nodiscard]] std::vector<Event> untold();

  /// The daemons of the watch list, as they are now.
  void seen(std::vector<Member> members);
  [[nodiscard]] Sharing sharing() const;

  /// Why the database can't be reached; empty while it can.
  void away(std::string why);
  [[nodiscard]] std::string away() const;

 private:
  std::atomic<DaemonNo> no_{0};
  std::atomic<Clock::rep> until_{0};
  mutable std::mutex mutex_;
  bool let_go_ = false;  ///< all, since it joined
  Holdings held_;
  std::vector<Event> untold_;
  std::atomic<bool> any_untold_{false};
  std::vector<Member> members_;
  Clock::time_point seen_at_{};
  std::string away_;
};

}  // namespace mjwatchd::store::postgres

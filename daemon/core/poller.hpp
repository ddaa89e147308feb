#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/core/delay_record.hpp"
#include "daemon/core/gateway_clock.hpp"
#include "daemon/core/gateway_link.hpp"
#include "daemon/core/lesson_bag.hpp"
#include "daemon/core/task_table.hpp"
#include "mjwatchd/poll_schedule.hpp"
#include "mjwatchd/settings.hpp"
#include "mjwatchd/watcher.hpp"

namespace mjwatchd {

/// Asks one gateway about its tasks: brings together the schedule (who is due), the link (whether it
/// may be called) and the table (who is watched), and tells what each reply says of whom. What a
/// task's news means and what is committed is the Watcher's. Owned by the Watcher; pure.
class Poller {
 public:
  /// What a reply tells of one task. The task is taken out of its call, and the caller gives it back
  /// to the schedule by one of unchanged(), settle() … below.
  struct News {
    TaskSlot slot = 0;
    Snapshot* snapshot = nullptr;  ///< nothing: it is lost; good while the reply is
    Look look;
  };

  /// `settings` is nothing for a gateway that isn't configured.
  Poller(std::string name, std::uint16_t number, const GatewaySettings* settings, const WatchSettings& watch, Now now);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Its place among the Watcher's gateways.
  [[nodiscard]] std::uint16_t number() const { return number_; }
  [[nodiscard]] TaskTable& tasks() { return tasks_; }
  [[nodiscard]] const TaskTable& tasks() const { return tasks_; }
  [[nodiscard]] bool configured() const { return settings_.has_value(); }

  void reconfigure(const GatewaySettings* settings, const WatchSettings& watch, Now now);
  /// So many daemons share the gateway's budget; 0: this one must not spend of it yet.
  void share(unsigned daemons, Now now);

  /// Takes a task that is new here (or was out for a commit) into the schedule.
  void enter(TaskSlot slot, Now now);
  /// Out of the schedule, with the look that made it so still to be told.
  void settle(TaskSlot slot);
  /// Back after a look that changed nothing, or whose change is committed.
  void unchanged(TaskSlot slot, const Look& look, Now now);
  /// Back, because nothing became of it.
  void again(TaskSlot slot, Time earliest, Now now);
  /// Out for good: it has ended, as this look saw (nothing: not by a look).
  void finished(TaskSlot slot, const Look* look);
  void hasten(TaskSlot slot, Now now);
  /// Drops the task from everything.
  void drop(TaskSlot slot);

  /// Makes the calls that are due.
  void pump(Now now, CallNo& last_call, Actions& out, std::unordered_map<CallNo, Poller*>& calls);
  /// The snapshots of `reply` are the news'.
  void replied(CallNo call, FetchReply& reply, Now now, Actions& out, std::vector<News>& news);
  [[nodiscard]] Time next_wakeup() const;

  /// Of the tasks that are asked for; nothing when there is none.
  [[nodiscard]] std::optional<Time> longest_unasked() const;
  [[nodiscard]] GatewayView view(Now now) const;
  /// Good until it is told something.
  [[nodiscard]] std::string_view learned() const { return schedule_ ? schedule_->learned() : std::string_view(); }
  void restore(std::string_view state);

  // Lessons for the other daemons that share the list, and theirs.
  void keep_lessons();
  /// Whether there are any to give; some may be under way besides.
  [[nodiscard]] bool has_lessons() const { return taught_ || !lessons_.empty(); }
  [[nodiscard]] bool lessons_under_way() const { return lessons_.under_way(); }
  [[nodiscard]] std::string send_lessons();
  /// They are in the store, which knows this of all daemons now.
  void lessons_arrived(std::string_view known);
  void lessons_came_back() { lessons_.came_back(); }

 private:
  struct Call {
    bool batch = false;
    Time asked;
    std::vector<TaskSlot> slots;
  };
  struct Part {  ///< a task in a queue, if it is still there
    TaskSlot slot;
    Generation generation;
  };
  using Piece = std::vector<Part>;

  [[nodiscard]] bool queued(const Part& part) const;
  bool next_call(Now now, Call& call);
  bool from_pieces(Call& call);
  bool from_alone(Call& call);
  bool from_schedule(Now now, Call& call);
  void leave(CallNo no, Call call, Now now, Actions& out);
  void read(const Call& call, CallNo no, FetchReply& reply, Now now, Actions& out, std::vector<News>& news);
  [[nodiscard]] std::optional<TaskSlot> slot_of(const std::string& id, const Call& call, std::size_t& expected) const;

  // Absence (poller_absence.cpp).
  void absent(TaskSlot slot, const Call& call, Now now, Actions& out, std::vector<News>& news);
  void notice_forgetting(const Call& call, CallNo no, Now now, Actions& out);
  [[nodiscard]] bool too_many_vanished(const Task& task, Time since, Now now, Actions& out);
  void lost_memory(std::size_t missing, std::size_t known, Now now, Actions& out);
  [[nodiscard]] Time soon(const Call& call, milliseconds wait, Now now) const;

  /// When the gateway says that the task ended; nothing when what was seen contradicts it.
  [[nodiscard]] std::optional<Time> true_end(const Task& task, const Call& call, std::optional<WallTime> finished,
                                             Now now) const;
  void split(const Call& call, Now now);
  [[nodiscard]] TaskFacts facts(const Task& task) const;
  void ask_alone(TaskSlot slot);

  std::string name_;
  std::uint16_t number_;
  WatchSettings watch_;
  std::optional<GatewaySettings> settings_;
  unsigned daemons_ = 1;
  std::unique_ptr<GatewayLink> link_;
  std::unique_ptr<PollSchedule> schedule_;
  GatewayClock clock_;
  TaskTable tasks_;
  std::unordered_map<CallNo, Call> calls_;
  std::deque<Piece> pieces_;  ///< halves of refused batches
  std::deque<Part> alone_;    ///< to be asked for by themselves; bounded by the tasks
  std::string restored_;
  LessonBag lessons_;
  bool keeps_lessons_ = false;
  bool taught_ = false;  ///< a task has ended since lessons were sent
  Time memory_lost_until_ = Time::min();
  Time vanished_counted_ = Time::min();  ///< how many have vanished is counted at most once a second
  bool vanished_ = false;                ///< as counted then: too many to believe it
  bool seen_any_ = false;                ///< the gateway has shown a task, or answered a batch
  std::vector<TaskSlot> taken_;
  std::uint64_t noticed_ = 0;
  DelayRecord delays_;
  std::uint64_t batch_ids_ = 0, batch_room_ = 0;  ///< asked for in batches, and what those could hold
};

}  // namespace mjwatchd

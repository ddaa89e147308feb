// The watcher's decisions. Its parts are in four files: what is heard (watcher.cpp), what replies
// mean (watcher_looks.cpp), what commits did (watcher_commits.cpp), and the pictures' way
// (watcher_pictures.cpp).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/core/deadlines.hpp"
#include "daemon/core/poller.hpp"
#include "mjwatchd/watcher.hpp"

namespace mjwatchd {

class Watcher::Impl {
 public:
  Impl(const Settings& settings, Now now);

  void handle(std::span<Event> events, Now now, Actions& out);
  void adopt(std::span<Event> page, Now now, Actions& out);
  [[nodiscard]] Time next_wakeup() const { return next_wakeup_; }
  void reconfigure(const Settings& settings, Now now, Actions& out);
  void stop();

  [[nodiscard]] std::size_t live() const;
  [[nodiscard]] std::size_t saving() const;
  [[nodiscard]] bool holds(const TaskKey& key) const;
  [[nodiscard]] std::map<std::string, Time> longest_unasked() const;
  [[nodiscard]] std::vector<GatewayView> gateways() const;
  [[nodiscard]] const Outbox& outbox() const { return outbox_; }

 private:
  /// Some batches of the store's writer, so that it never runs dry; far less than the store lets wait (ports.hpp),
  /// for that is memory, and for those who register.
  static constexpr std::size_t kMostWishes = 2'500;

  /// A task as long as it is the same one.
  struct Ref {
    Poller* poller = nullptr;
    TaskSlot slot = 0;
    Generation generation = 0;
    auto operator<=>(const Ref&) const = default;
  };

  // What a Persist under way is about.
  struct Registering {
    Ticket ticket;
  };
  struct Forgetting {
    Ticket ticket;
    TaskKey key;
  };
  struct Asking {
    Ticket ticket;
    std::optional<change::Receiver> receiver;
  };
  struct Learning {
    Poller* shared = nullptr;  ///< whose lessons are given to the other daemons
  };
  struct Changing {
    Ref task;
    Phase phase;
    bool stalled, says_started;
    std::optional<std::uint64_t> digest;  ///< when it has a snapshot
    std::optional<Look> look;             ///< what led to it
  };
  using Wish = std::variant<Registering, Forgetting, Asking, Learning, Changing>;

  // Hearing (watcher.cpp). Events that are not const are used up.
  void hear(const event::Tick&) {}
  void hear(const event::Registered& event);
  void hear(const event::Deleted& event);
  void hear(const event::RefreshAsked& event);
  void hear(const event::ChangeAsked& event);
  void hear(const event::Adopted& event);
  void hear(const event::DeliveryAdopted& event);
  void hear(const event::ReceiverAdopted& event);
  void hear(const event::LearnedAdopted& event);
  void hear(const event::Released& event);
  void hear(const event::DeliveryReleased& event);
  void hear(const event::Shared& event);
  void hear(event::Persisted& event);
  void hear(event::BatchFetched& event);
  void hear(const event::ImageSaved& event);
  void hear(const event::SavingResumed&);
  void hear(const event::Sent& event);

  // Tasks.
  Poller& poller(const std::string& gateway);
  Poller& open(const std::string& name, const GatewaySettings* settings);
  [[nodiscard]] std::optional<Ref> find(const TaskKey& key) const;
  [[nodiscard]] bool alive(const Ref& ref) const { return ref.poller->tasks().is(ref.slot, ref.generation); }
  [[nodiscard]] static Task& task_of(const Ref& ref) { return ref.poller->tasks()[ref.slot]; }
  [[nodiscard]] static TaskKey key_of(const Ref& ref) { return {ref.poller->name(), task_of(ref).id.str()}; }
  /// The task that has the slot now: the item may be of one before it, and then its time is not the task's timer.
  [[nodiscard]] Ref ref_of(const Deadlines::Item& item) const {
    Poller* const poller = numbered_[item.poller];
    return {poller, item.slot, poller->tasks()[item.slot].generation};
  }
  Ref adopt(const TaskRecord& record);
  void drop(const Ref& ref);

  // Looks (watcher_looks.cpp).
  void news(Poller& poller, const Poller::News& news);
  void expire(const Ref& ref);

  // Commits (watcher_commits.cpp).
  /// News comes faster than the disk takes it: it is not asked for, so that what waits stays bounded.
  [[nodiscard]] bool overwhelmed() const { return wishes_.size() >= kMostWishes; }
  /// The latest action: a change of that kind, to be filled in, and then numbered by persist() or change_task(). They
  /// are large, and not to be moved.
  template <typename Kind>
  Kind& new_change() {
    Action& action = out_->emplace_back(std::in_place_type<action::Persist>, std::in_place_type<Kind>);
    return std::get<Kind>(std::get<action::Persist>(action).change);
  }
  void persist(Wish&& wish) {
    const ChangeNo no = ++last_change_;
    wishes_.emplace(no, std::move(wish));
    std::get<action::Persist>(out_->back()).no = no;
  }
  void change_task(const Ref& ref, const change::Task& change, std::optional<Look> look);
  void settled(const Registering& wish, const CommitResult& result);
  void settled(const Forgetting& wish, const CommitResult& result);
  void settled(const Asking& wish, const CommitResult& result);
  void settled(const Learning& wish, const CommitResult& result);
  void settled(const Changing& wish, const CommitResult& result);
  void committed(const Changing& wish, const CommitResult& result);
  void not_committed(const Changing& wish);
  void spread(CommitResult& result, bool ours = true);
  void answer(Ticket ticket, const CommitResult& result);
  void learn();
  void keep_learned(const Poller& poller);
  void share_lessons(Poller& poller);

  // Pictures (watcher_pictures.cpp).
  void begin_pictures(const Ref& ref);
  void tend_pictures(const Ref& ref);
  void save_pictures();
  void pictures_came(const Ref& ref, SaveVerdict verdict, const ImageResult& result);
  void announce_success(const Ref& ref, Phase phase, ImageResult images);
  void pictures_late(const Ref& ref, SaveVerdict verdict, const ImageResult& result);
  [[nodiscard]] Time give_up_at(const Task& task) const;
  [[nodiscard]] Time quiet_end(const Task& task) const;

  // Time.
  [[nodiscard]] Time deadline(const Poller& poller, const Task& task) const;
  void arm(const Ref& ref);
  void arm(Poller& poller, TaskSlot slot, Time when);
  void run_deadlines();
  void drop_stale_deadlines();
  void advance();
  void find_wakeup();

  Settings settings_;
  std::map<std::string, std::unique_ptr<Poller>> pollers_;  ///< by gateway; in order, to be deterministic
  std::vector<Poller*> numbered_;                           ///< the same by their numbers; none ever goes
  unsigned daemons_ = 1;                                    ///< that share the watch list
  bool shared_ = false;                                     ///< the list is one that several may share
  ChangeNo last_change_ = 0;
  CallNo last_call_ = 0;
  Outbox outbox_;
  std::unordered_map<ChangeNo, Wish> wishes_;
  std::unordered_map<CallNo, Poller*> calls_;
  Deadlines deadlines_;
  struct SaveWish {
    WallTime deadline;
    std::string gateway;
    TaskSlot slot;
    Generation generation;
    auto operator<=>(const SaveWish&) const = default;
  };
  std::set<SaveWish> save_queue_;               ///< nearest deadline first; bounded by the tasks
  std::map<TaskKey, Generation> saves_;         ///< under way, with the task's generation
  std::map<std::string, std::string> learned_;  ///< as last committed
  std::map<std::string, Time> learned_at_;
  Time learn_next_ = Time::min();  ///< when the first of them may be written again, or lessons be given again
  bool stopped_ = false, taught_all_ = false;
  Time next_wakeup_ = kNever;

  // Of the step being made.
  Now now_;
  Actions* out_ = nullptr;
  std::vector<Poller::News> news_;  ///< of the reply being heard
};

}  // namespace mjwatchd

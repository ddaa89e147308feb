// The outbox's decisions. Its parts are in four files: what arrives (outbox.cpp), what goes out
// (outbox_dispatch.cpp), what an attempt or a commit came to (outbox_results.cpp), and what several
// daemons do to each other (outbox_sharing.cpp).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/core/outbox_book.hpp"
#include "daemon/core/outbox_policy.hpp"
#include "mjwatchd/outbox.hpp"

namespace mjwatchd {

class Outbox::Impl {
 public:
  /// An endpoint that failed less often in a row is neither disabled nor put on record.
  static constexpr std::uint32_t kDisableFailures = 10;

  Impl(const WebhookSettings& settings, std::uint64_t seed, ChangeNo& last_change);

  void adopt(const DeliveryRecord& delivery, Now now);
  void release(TaskNo task, Now now);
  void release_delivery(DeliveryNo delivery, Now now);
  void share(unsigned daemons, Now now);
  void receiver(std::string_view name, bool disabled, Now now);
  [[nodiscard]] bool disabled(std::string_view receiver) const;
  void failing(std::string_view endpoint, WallTime since, Now now);
  void reconfigure(const WebhookSettings& settings, Now now);

  void sent(DeliveryNo delivery, const SendResult& result, Now now, Actions& out);
  bool persisted(ChangeNo change, const CommitResult& result, Now now);

  void advance(Now now, Actions& out);
  void stop() { stopped_ = true; }
  /// Hands out the changes decided so far.
  void emit(Actions& out);
  [[nodiscard]] Time next_wakeup() const;
  [[nodiscard]] std::size_t pending() const { return book_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::vector<ReceiverView> receivers() const;

 private:
  /// A change on its way to the disk, kept to be asked for again should it fail.
  struct Own {
    Change change;
    outbox::Ref about;     ///< the entry; none for a receiver's change
    bool attempt = false;  ///< counts against the bound until it is on disk
    bool holding = false;
  };
  struct Timer {
    Time when{};
    outbox::Ref what;  ///< an entry; or with kNoGeneration, a group
    [[nodiscard]] bool of_group() const { return what.generation == outbox::kNoGeneration; }
  };
  struct Later {  // orders the heap: the earliest on top
    bool operator()(const Timer& a, const Timer& b) const { return a.when > b.when; }
  };

  // Arrival.
  void start(outbox::Index entry, Now now);
  void start_heir(outbox::Index heir, Now now);
  void supersede_before(outbox::Index final_event, Now now);
  void drop_idle(outbox::Index receiver, Now now);
  void restart_entries(Now now);

  // Results.
  void conclude(outbox::Index entry, const SendResult& result, const outbox::Verdict& verdict, Now now, Actions& out);
  void succeed(outbox::Index entry, Now now);
  void keep_on_record(outbox::Receiver& receiver);
  void strike_off_record(outbox::Receiver& receiver);
  [[nodiscard]] std::string charge(outbox::Index entry, const SendResult& result, Now now, Actions& out);
  void disable(outbox::Index receiver, const std::string& reason, Now now, Actions& out);
  void give_back(outbox::Index entry, milliseconds wait, Now now);
  void record(outbox::Index entry, DeliveryState state, std::string reason, Now now, const SendResult* result);
  void receiver_committed(const change::Receiver& change, const CommitResult& result, Now now);
  void delivery_committed(const Own& own, const CommitResult& result, Now now);
  void retire(outbox::Index entry, Now now);

  // Sharing.
  void let_go(outbox::Index entry, Now now);
  void take_back(outbox::Index entry, const DeliveryRecord& delivery, Time due);
  [[nodiscard]] bool was_released(const Own& own) const;
  void settle_released(const Own& own, Now now);

  // Dispatch.
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] bool crowds(const outbox::Group& group) const;
  void let_in();
  void run_timers(Now now);
  void ask_again(Now now);
  void hold_parked(Now now);
  void revive_receivers(Now now);
  void send_ready(Now now, Actions& out);
  bool send_one(outbox::Index group, Now now, Actions& out);
  void wake(outbox::Index group);
  void set_timer(Timer timer);
  void set_group_timer(outbox::Index group, Time when);
  void drop_stale_timers();

  WebhookSettings settings_;
  outbox::Jitter jitter_;
  ChangeNo& last_change_;
  outbox::Book book_;
  Time last_now_{};

  std::vector<Timer> timers_;           ///< a heap by Later
  std::deque<outbox::Index> ring_;      ///< groups that may have something to send, in turn
  std::vector<outbox::Index> crowded_;  ///< groups that left the ring so that others find a place
  std::deque<outbox::Ref> parked_;      ///< to be held at the next advance()
  std::vector<Own> outgoing_;           ///< changes decided, not handed out yet
  std::unordered_map<ChangeNo, Own> own_;
  std::deque<std::pair<Time, Own>> again_;  ///< failed commits, in the order of their times
  bool revive_ = false;
  bool stopped_ = false;

  std::size_t in_flight_ = 0;
  std::size_t recording_ = 0;  ///< attempts made whose record is not on disk
  std::size_t holding_ = 0;    ///< held changes on their way
};

}  // namespace mjwatchd

// When to send which webhook again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/action.hpp"
#include "mjwatchd/delivery.hpp"
#include "mjwatchd/settings.hpp"

namespace mjwatchd {

/// What people may know of a receiver's side of things.
struct ReceiverView {
  std::string name;
  std::string group;
  bool disabled = false;
  std::string breaker;  ///< "closed", "open", "probing"
  std::size_t pending = 0, in_flight = 0, held = 0;
  std::optional<WallTime> last_success, first_failure;
  std::uint32_t failures_in_row = 0;
};

/// Every pending delivery of this daemon: order per (receiver, task), retry ladder, limits, breaker
/// and Retry-After per group, superseding. Pure: hears, is told the time, answers with actions
/// (Persist of change::Delivery, change::Receiver and change::Failing, Send). The next event of a task goes to a
/// receiver only after its predecessor's end (delivered, dead, superseded) is *committed*.
///
/// Owned by the Watcher, with which it shares the numbers of changes: `last_change` is the last one
/// given out, and must outlive it.
class Outbox {
 public:
  Outbox(const WebhookSettings& settings, std::uint64_t seed, ChangeNo& last_change);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  void adopt(const DeliveryRecord& delivery, Now now, Actions& out);
  /// Another daemon owns the task's deliveries now: they leave, and what is on its way counts for nothing.
  void release(TaskNo task, Now now);
  /// The same for one delivery.
  void release_delivery(DeliveryNo delivery, Now now);
  /// So many daemons share the endpoints' rates; 0: this one must not spend of them yet.
  void share(unsigned daemons, Now now);
  void receiver(std::string_view name, bool disabled, Now now, Actions& out);
  [[nodiscard]] bool disabled(std::string_view receiver) const;
  /// A run before this one has seen an endpoint fail since then.
  void failing(std::string_view endpoint, WallTime since, Now now, Actions& out);
  void sent(DeliveryNo delivery, const SendResult& result, Now now, Actions& out);
  /// True if the change was one of the outbox's own.
  bool persisted(ChangeNo change, const CommitResult& result, Now now, Actions& out);
  /// Sends what has become due.
  void advance(Now now, Actions& out);
  void reconfigure(const WebhookSettings& settings, Now now, Actions& out);
  /// No new sends after this; what is in flight is still heard and recorded.
  void stop();

  [[nodiscard]] Time next_wakeup() const;
  [[nodiscard]] std::size_t pending() const;
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] std::vector<ReceiverView> receivers() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mjwatchd

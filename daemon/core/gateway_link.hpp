#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core/call_budget.hpp"
#include "mjwatchd/action.hpp"
#include "mjwatchd/settings.hpp"

namespace mjwatchd {

/// Decides whether and when one gateway may be called at all: its budget, its breaker, its refusals
/// and its wishes to be left alone. It knows nothing of tasks. Owned by a Poller; pure.
class GatewayLink {
 public:
  enum class State : std::uint8_t { up, throttled, open, probing, refused };

  /// What must follow from a reply for the tasks that were asked for.
  enum class Outcome : std::uint8_t {
    read,     ///< the reply tells of tasks
    unknown,  ///< a single fetch: no such task
    split,    ///< ask again in halves; a lone id by itself
    singly,   ///< this gateway has no batches: ask each by itself
    later     ///< nothing was learned: put all back
  };

  GatewayLink(std::string name, const GatewaySettings& settings, Time now);

  void reconfigure(const GatewaySettings& settings);
  /// So many daemons share the budget; 0: this one must not spend of it yet.
  void share(unsigned daemons, Time now);

  /// When the next call may leave; kNever while only a reply, or another share, can change that.
  [[nodiscard]] Time ready_at() const;
  /// How many ids the next call may have: one while a token is being tried again, and ever fewer
  /// while the breaker is open, as it may be one of the ids, or their number, that breaks the reply.
  [[nodiscard]] std::size_t most() const;
  /// Whether a batch may be tried.
  [[nodiscard]] bool batches(Time now) const { return batches_ || now >= batch_again_; }

  void called(Time now, CallNo call, std::size_t ids);
  /// `ids`: how many were asked for; more than one only in a batch.
  Outcome replied(CallNo call, bool batch, std::size_t ids, const FetchReply& reply, Time now, Actions& out);

  [[nodiscard]] State state(Time now) const;
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] double budget_left() const { return budget_.tokens(); }
  [[nodiscard]] bool has_batches() const { return batches_; }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t ids_asked() const { return ids_asked_; }
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

 private:
  void well(Time now);
  void throttled(const FetchReply& reply, Time now);
  void refused(const FetchReply& reply, Time now, Actions& out);
  void unavailable(Time now, Actions& out);
  void nonsense(const FetchReply& reply, Time now, Actions& out);
  [[nodiscard]] bool blames_a_task(Time now) const;
  Outcome broken(bool batch, std::size_t ids, Time now, Actions& out);

  std::string name_;
  GatewaySettings settings_;
  unsigned daemons_ = 1;
  CallBudget budget_;
  std::size_t in_flight_ = 0;
  CallNo probe_ = 0;  ///< the one call allowed while the breaker or a refusal holds; 0: none under way

  std::uint32_t failures_ = 0;  ///< in a row
  milliseconds breaker_wait_{};
  std::optional<Time> open_until_;
  std::size_t probe_size_ = 0;  ///< ids in a call while the breaker is open
  milliseconds refusal_wait_{};
  std::optional<Time> refused_until_;
  milliseconds throttle_wait_{};
  Time quiet_until_ = Time::min();   ///< it asks to be left alone
  Time breath_until_ = Time::min();  ///< a moment after a failure

  bool batches_ = true;
  Time batch_again_ = kNever;
  std::optional<Time> last_answer_;
  std::uint32_t broken_replies_ = 0;  ///< 500s and nonsense since the last answer
  std::optional<Time> nonsense_said_;
  std::uint64_t nonsense_unsaid_ = 0;

  std::uint64_t calls_ = 0, failed_ = 0, ids_asked_ = 0;
  std::string last_error_;
};

}  // namespace mjwatchd

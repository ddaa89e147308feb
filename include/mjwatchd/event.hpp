// All the core can hear.
//
// (An `Event` is something the core is told; an `EventType` is what a user's webhook is told.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mjwatchd/change.hpp"
#include "mjwatchd/delivery.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// A client's question, so that the answer finds it again. The shell gives these out; 0 is nobody.
using Ticket = std::uint64_t;
/// Number of a Persist action; the core gives these out.
using ChangeNo = std::uint64_t;
/// Number of a call to a gateway; the core gives these out.
using CallNo = std::uint64_t;

/// What a gateway answered to one call, sorted by what must follow from it (WIRE: errors).
struct FetchReply {
  enum class Verdict : std::uint8_t {
    answered,      ///< `tasks` holds what was understood; ids asked for and not in it are absent
    unknown_task,  ///< a single fetch: the gateway does not know this id
    refused,       ///< 401, 403
    throttled,     ///< 429
    rejected,      ///< 400, 413: something in the batch is not liked
    unsupported,   ///< 404, 405, 501 to a batch: this gateway has no batches
    failed,        ///< 500
    unavailable,   ///< 502–504, timeout, no connection
    nonsense       ///< answered, but not with tasks: HTML, an error object, broken JSON
  };
  Verdict verdict = Verdict::unavailable;
  std::vector<Snapshot> tasks;
  std::optional<milliseconds> retry_after;
  std::optional<WallTime> gateway_clock;  ///< the reply's Date
  int http_status = 0;
  std::string detail;  ///< one line for people and the log
};

/// How an attempt to save a task's pictures went.
enum class SaveVerdict : std::uint8_t {
  saved,      ///< everything wanted is in place
  none,       ///< there is no picture to save, and that is fine
  try_again,  ///< not now; `error` says why
  gone        ///< every way is closed for good; `error` says why
};

namespace event {

struct Tick {};

/// An app wants a task watched (on behalf of `ticket`).
struct Registered {
  Ticket ticket = 0;
  Registration registration;
};
/// An app wants a task no longer watched.
struct Deleted {
  Ticket ticket = 0;
  TaskKey key;
};
/// An app wants the gateway asked now; for an ended task whose pictures are missing, those.
/// `record` is what the store has, for a task the core no longer holds.
struct RefreshAsked {
  TaskKey key;
  std::optional<TaskRecord> record;
};
/// Any other change a client asks for: passed to the store as it is, answered with its result.
struct ChangeAsked {
  Ticket ticket = 0;
  Change change;
};

/// This daemon owns the task or delivery now: at start everything live, on several machines what it leased.
struct Adopted {
  TaskRecord task;
};
struct DeliveryAdopted {
  DeliveryRecord delivery;
};
/// A receiver is disabled or failing, as the store has it: at start, and when another daemon's people change it.
struct ReceiverAdopted {
  std::string name;
  bool disabled = false;
  std::optional<WallTime> failing_since{};  ///< as change::Failing said
};
struct LearnedAdopted {
  std::string gateway;
  std::string state;
};
/// This daemon no longer owns the task, nor its deliveries. What is under way for it is let finish, and counts
/// for nothing.
struct Released {
  TaskKey key;
  TaskNo task = 0;  ///< as its deliveries have it
};
/// This daemon no longer owns a delivery of no task.
struct DeliveryReleased {
  DeliveryNo delivery = 0;
};
/// So many daemons share the watch list now, this one among them, and with it what gateways and endpoints may be
/// asked in a time. 0: this one has just come, and the others don't count on it yet: it spends nothing.
struct Shared {
  unsigned daemons = 1;
};

/// The store's answer to a Persist.
struct Persisted {
  ChangeNo change = 0;
  CommitResult result;
};
/// A gateway's answer to a FetchBatch or FetchOne.
struct BatchFetched {
  CallNo call = 0;
  FetchReply reply;
};
/// The answer to a SaveImage.
struct ImageSaved {
  TaskKey key;
  SaveVerdict verdict = SaveVerdict::try_again;
  ImageResult result;
};
/// Pictures can be saved again, or somewhere else: what waits for its next try need wait no longer.
struct SavingResumed {};
/// The answer to a Send.
struct Sent {
  DeliveryNo delivery = 0;
  SendResult result;
};

}  // namespace event

using Event = std::variant<event::Tick, event::Registered, event::Deleted, event::RefreshAsked, event::ChangeAsked,
                           event::Adopted, event::DeliveryAdopted, event::ReceiverAdopted, event::LearnedAdopted,
                           event::Released, event::DeliveryReleased, event::Shared, event::Persisted,
                           event::BatchFetched, event::ImageSaved, event::SavingResumed, event::Sent>;

}  // namespace mjwatchd

// What the core asks the store to make durable, and what the store answers.
//
// Each change is one unit: all of it is committed or nothing. The store gathers many changes into
// one transaction (group commit) and answers each after that transaction is on disk.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mjwatchd/delivery.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// What saving the pictures of a task came to.
struct ImageResult {
  std::vector<SavedImage> images;
  std::optional<std::string> error;  ///< why pictures are missing; nothing when none is
  std::optional<std::string> seed;
};

namespace change {

/// A new task. The store decides: created, existing (the same again), conflict (differs; `detail`
/// names the key), or full.
struct Register {
  Registration registration;
  WallTime at{};
};

/// Something was learned of a task. The store merges the snapshot into the stored object (a field
/// already known is never erased by an emptier reply), numbers and writes the events, and for each
/// event its body and one delivery per subscribed receiver: all in one transaction. `missing` when
/// the task was deleted or has ended otherwise meanwhile; then nothing is written.
struct Task {
  TaskKey key;
  std::optional<Snapshot> snapshot;
  Phase phase = Phase::watching;
  Ending ending = Ending::none;
  std::vector<EventType> events;  ///< in order; `progress` is recorded only if somebody subscribed
  std::optional<ImageResult> images;
  bool stalled = false;
  WallTime at{};
};

/// Stop watching; queued deliveries go on, files stay. The row goes.
struct Forget {
  TaskKey key;
};

/// One more receiver for a task. If the task has ended, its final event is sent to it.
struct AddReceiver {
  TaskKey key;
  WebhookTarget target;
  WallTime at{};
};

/// An attempt was made (`result`), or a delivery changed its state without one.
struct Delivery {
  DeliveryNo no = 0;
  DeliveryState state = DeliveryState::pending;
  std::uint32_t attempts = 0;
  WallTime due{};
  std::optional<SendResult> result;
  std::string reason;  ///< for held and dead: why, for people
};

/// Send again, same webhook-id: one delivery by number, or all that match. A new round of attempts.
struct Replay {
  std::optional<DeliveryNo> no;
  std::string endpoint;                ///< empty: any
  std::optional<DeliveryState> state;  ///< nothing: any but pending
  std::optional<WallTime> since, until;
  WallTime at{};
};

/// A receiver is disabled (its pending deliveries become held) or enabled (held become pending).
struct Receiver {
  std::string name;
  bool disabled = false;
  std::string reason;
  WallTime at{};
};

/// Since when a configured endpoint has had no success, so that a restart does not begin to count anew; nothing
/// once it had one.
struct Failing {
  std::string endpoint;
  std::optional<WallTime> since;
};

/// A webhook.test event for one configured endpoint.
struct Test {
  std::string endpoint;
  WallTime at{};
};

/// What a schedule learned, small, per gateway; read back at start.
struct Learned {
  std::string gateway;
  std::string state;
  /// `state` is only what this daemon learned since it last said so, or nothing: it goes to what all daemons have
  /// learned (merge_learned()), which is the answer.
  bool lessons = false;
};

}  // namespace change

using Change = std::variant<change::Register, change::Task, change::Forget, change::AddReceiver, change::Delivery,
                            change::Replay, change::Receiver, change::Failing, change::Test, change::Learned>;

/// An event as it was committed (or, for progress nobody subscribed to, only rendered: `no` is 0).
struct CommittedEvent {
  EventNo no = 0;
  EventType type = EventType::test;
  TaskKey key;
  std::uint32_t sequence = 0;
  WallTime at{};
  std::string webhook_id;                   ///< evt_…
  std::shared_ptr<const std::string> body;  ///< the standard body, exactly as stored
};

/// The store's answer to one change.
struct CommitResult {
  enum class Code : std::uint8_t {
    done,      ///< committed
    existing,  ///< Register, AddReceiver: it was there already, the same; nothing was written
    conflict,  ///< Register: there, and asked for differently; `detail` says which key differs
    missing,   ///< no such task, delivery or endpoint, or the task has ended otherwise
    full,      ///< the store is at watch.store_max_size with live tasks only
    failed     ///< could not be committed (disk); `detail` has the error; nothing was written
  };
  Code code = Code::failed;
  std::string detail;
  std::optional<TaskRecord> task;  ///< Register: the record to adopt (done) or what is there (existing)
  std::vector<CommittedEvent> events;
  std::vector<DeliveryRecord> deliveries;  ///< new or revived, to be taken into the outbox
  std::vector<DeliveryRecord> elsewhere;   ///< likewise, but in the outbox of another daemon that shares the store
  std::string learned;                     ///< Learned, of lessons: what is known now
};

}  // namespace mjwatchd

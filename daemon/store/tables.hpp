// The tables as a change sees them, whatever database they are in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/task_row.hpp"
#include "mjwatchd/change.hpp"

namespace mjwatchd::store {

using ReceiverNo = std::int64_t;
using TargetNo = std::int64_t;

struct ReceiverRow {
  ReceiverNo no = 0;
  ReceiverRef ref;
  bool disabled = false;
};

/// A receiver of one task.
struct TargetRow {
  TargetNo no = 0;
  ReceiverRow receiver;
  std::string url;     ///< empty: a configured endpoint
  std::string secret;  ///< sealed; empty: none
  std::optional<EventMask> events;
  BodyFormat format = BodyFormat::standard;
};

/// What a task was told at its end.
struct FinalEvent {
  EventNo no = 0;
  EventType type = EventType::lost;
  std::uint32_t sequence = 0;
  WallTime at{};
  std::string webhook_id;
};

/// A delivery to be written; `record.no` is not known yet.
struct NewDelivery {
  DeliveryRecord record;
  ReceiverNo receiver = 0;
  std::optional<TargetNo> target;  ///< of a URL
  BodyFormat format = BodyFormat::standard;
  std::string reason;  ///< why it is held
  WallTime at{};
};

/// What changes read and write, inside a transaction that somebody else begins and ends: rows, and no
/// rules about them. Reads see what was written before. All may throw what the database throws.
class Tables {
 public:
  virtual ~Tables() = default;

  [[nodiscard]] virtual std::optional<TaskRow> find_task(const TaskKey& key) = 0;
  [[nodiscard]] virtual TaskTexts load_texts(TaskNo task) = 0;
  /// Gives `row.no`.
  virtual void insert_task(TaskRow& row, const TaskTexts& texts) = 0;
  /// Everything that can change after the registration.
  virtual void update_task(const TaskRow& row) = 0;
  virtual void update_texts(TaskNo task, const TaskTexts& texts) = 0;
  /// With its receivers, but for those that a delivery needs.
  virtual void remove_task(TaskNo task) = 0;

  [[nodiscard]] virtual std::optional<ReceiverRow> find_receiver(const std::string& name) = 0;
  [[nodiscard]] virtual ReceiverRow insert_receiver(const ReceiverRef& ref, WallTime at) = 0;
  virtual void set_group(ReceiverNo receiver, const std::string& group) = 0;
  virtual void set_disabled(ReceiverNo receiver, bool disabled, const std::string& reason, WallTime at) = 0;
  /// False when there is no such receiver.
  virtual bool set_failing(const std::string& name, std::optional<WallTime> since) = 0;

  [[nodiscard]] virtual std::vector<TargetRow> targets_of(TaskNo task) = 0;
  /// Ignores what the row says of its own number; false when the task has the receiver already.
  virtual bool insert_target(TaskNo task, const TargetRow& target) = 0;

  /// Gives the event's number. The body is the standard one.
  virtual EventNo insert_event(TaskNo task, const CommittedEvent& event) = 0;
  [[nodiscard]] virtual bool was_told(const TaskRow& task, EventType type) = 0;
  /// Nothing before the task's end, or when it is no longer kept.
  [[nodiscard]] virtual std::optional<FinalEvent> final_event(const TaskRow& task) = 0;
  /// A body in another format than the standard one.
  [[nodiscard]] virtual bool has_body(EventNo event, BodyFormat format) = 0;
  virtual void insert_body(EventNo event, BodyFormat format, const std::string& body) = 0;

  [[nodiscard]] virtual DeliveryNo insert_delivery(const NewDelivery& delivery) = 0;
  [[nodiscard]] virtual std::optional<DeliveryRecord> find_delivery(DeliveryNo no) = 0;
  /// False when there is no such delivery.
  virtual bool update_delivery(const change::Delivery& change) = 0;
  virtual void restart_delivery(DeliveryNo no, DeliveryState state, WallTime due, const std::string& reason) = 0;
  virtual void insert_attempt(DeliveryNo no, const SendResult& result) = 0;
  /// The deliveries a range means, oldest first; of one receiver, or of all.
  [[nodiscard]] virtual std::vector<DeliveryRecord> matching(const change::Replay& change,
                                                             std::optional<ReceiverNo> receiver, std::size_t most) = 0;
  [[nodiscard]] virtual bool any_held(ReceiverNo receiver) = 0;
  [[nodiscard]] virtual std::vector<DeliveryRecord> held_of(ReceiverNo receiver, std::size_t most) = 0;
  virtual void hold_pending(ReceiverNo receiver, const std::string& reason) = 0;

  /// Empty: nothing yet. If it is `to_change`, no other daemon may change it until the transaction ends.
  [[nodiscard]] virtual std::string learned(const std::string& gateway, bool to_change) = 0;
  virtual void learn(const std::string& gateway, const std::string& state) = 0;
};

}  // namespace mjwatchd::store

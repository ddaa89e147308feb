// The tables by statements, one by one.
#pragma once

#include "daemon/store/tables.hpp"

namespace mjwatchd::store {

/// The statements of the tables, which SQLite and PostgreSQL take alike. Used by the thread that has the
/// connection, which must outlive it.
template <typename Db>
class SqlTables : public Tables {
 public:
  explicit SqlTables(Db& db) : db_(db) {}

  [[nodiscard]] std::optional<TaskRow> find_task(const TaskKey& key) override;
  [[nodiscard]] TaskTexts load_texts(TaskNo task) override;
  void insert_task(TaskRow& row, const TaskTexts& texts) override;
  void update_task(const TaskRow& row) override;
  void update_texts(TaskNo task, const TaskTexts& texts) override;
  void remove_task(TaskNo task) override;

  [[nodiscard]] std::optional<ReceiverRow> find_receiver(const std::string& name) override;
  [[nodiscard]] ReceiverRow insert_receiver(const ReceiverRef& ref, WallTime at) override;
  void set_group(ReceiverNo receiver, const std::string& group) override;
  void set_disabled(ReceiverNo receiver, bool disabled, const std::string& reason, WallTime at) override;
  bool set_failing(const std::string& name, std::optional<WallTime> since) override;

  [[nodiscard]] std::vector<TargetRow> targets_of(TaskNo task) override;
  bool insert_target(TaskNo task, const TargetRow& target) override;

  EventNo insert_event(TaskNo task, const CommittedEvent& event) override;
  [[nodiscard]] bool was_told(const TaskRow& task, EventType type) override;
  [[nodiscard]] std::optional<FinalEvent> final_event(const TaskRow& task) override;
  [[nodiscard]] bool has_body(EventNo event, BodyFormat format) override;
  void insert_body(EventNo event, BodyFormat format, const std::string& body) override;

  [[nodiscard]] DeliveryNo insert_delivery(const NewDelivery& delivery) override;
  [[nodiscard]] std::optional<DeliveryRecord> find_delivery(DeliveryNo no) override;
  bool update_delivery(const change::Delivery& change) override;
  void restart_delivery(DeliveryNo no, DeliveryState state, WallTime due, const std::string& reason) override;
  void insert_attempt(DeliveryNo no, const SendResult& result) override;
  [[nodiscard]] std::vector<DeliveryRecord> matching(const change::Replay& change, std::optional<ReceiverNo> receiver,
                                                     std::size_t most) override;
  [[nodiscard]] bool any_held(ReceiverNo receiver) override;
  [[nodiscard]] std::vector<DeliveryRecord> held_of(ReceiverNo receiver, std::size_t most) override;
  void hold_pending(ReceiverNo receiver, const std::string& reason) override;

  [[nodiscard]] std::string learned(const std::string& gateway, bool to_change) override;
  void learn(const std::string& gateway, const std::string& state) override;

 protected:
  using Query = typename Db::Query;
  Db& db_;

 private:
  bool add_attempt(DeliveryNo no, std::int64_t number, const SendResult& result);
};

}  // namespace mjwatchd::store

// The tables as a batch of changes sees them.
#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/postgres/holdings.hpp"
#include "daemon/store/postgres/sheets.hpp"
#include "daemon/store/sql_tables.hpp"

namespace mjwatchd::store::postgres {

/// The daemon is no longer among those of the watch list: nothing of its batch may be written.
class NotAMember : public std::runtime_error {
 public:
  NotAMember() : std::runtime_error("this daemon's lease has run out") {}
};

/// Reads what a batch will look at in one round trip, and writes what came of it in another; what nobody foresaw
/// is read and written by the statements of SqlTables, after what waits to be written. The writer's thread; one for
/// each connection, which must outlive it.
class BatchTables final : public SqlTables<Connection> {
 public:
  using SqlTables::SqlTables;

  /// Begins the transaction. `changes` are what apply() will be called with; `endpoints` may be looked up; `held`
  /// knows the numbers of most of the tasks. Throws NotAMember, and PostgresError.
  void begin(const std::vector<const Change*>& changes, DaemonNo self, const std::vector<std::string>& endpoints,
             const Holdings& held);
  /// The transaction's number, by which its end can be asked for when the answer to COMMIT was lost.
  [[nodiscard]] std::int64_t transaction() const { return transaction_; }
  /// False when another daemon has the task or delivery that is to change; true for all that anybody may do.
  [[nodiscard]] bool may(const Change& change);
  /// Whether a task that was seen in this transaction is ours.
  [[nodiscard]] bool holds(const TaskKey& key) const;
  /// Of a task that was seen in this transaction; 0 of another.
  [[nodiscard]] TaskNo number_of(const TaskKey& key) const;
  /// The number under which it writes.
  [[nodiscard]] DaemonNo self() const { return self_; }
  /// Of these deliveries, which are now to be sent, those that are ours. What no living daemon holds is ours from now
  /// on, but for tasks of which more than these is to be sent.
  struct Owned {
    struct Task {
      TaskKey key;
      bool live = false;
    };
    std::set<DeliveryNo> deliveries;
    std::map<TaskNo, Task> tasks;   ///< whose they are
    std::vector<DeliveryNo> alone;  ///< those of no task
    bool more = false;              ///< some are nobody's still
  };
  [[nodiscard]] Owned take_free(const std::vector<DeliveryNo>& deliveries);
  /// Calls to the other daemons when the transaction is committed.
  void call(const std::string& note) { notes_.push_back(std::to_string(self_) + " " + note); }
  /// Likewise to all, this one among them: there is something for one of them to take.
  void call_for_takers() { notes_.emplace_back("0 free"); }
  /// Whoever holds the task, if it is another, is told that it goes. Answers its number; 0: there is none.
  TaskNo tell_holder(const TaskKey& key);
  /// Writes what waits and ends the transaction. Answers the number before that of its first event: until then its
  /// events are -1, -2, … (they get their numbers last, for whoever numbers some lets all others wait).
  EventNo commit(const std::string& channel);
  /// Forgets everything, after a transaction that was not committed.
  void drop();

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

 private:
  struct Task {
    std::optional<TaskRow> row;
    DaemonNo holder = 0;
    std::optional<TaskTexts> texts;
    std::optional<std::vector<TargetRow>> targets;
    bool came = false, changed = false, texts_changed = false;
  };
  struct Known {  ///< of a delivery
    bool ours = false, held = false;
    std::int64_t attempts = 0;
    std::optional<change::Delivery> update;
  };
  /// Numbers that are ours to give.
  struct Numbers {
    std::vector<std::int64_t> list;  ///< the smallest last
    [[nodiscard]] std::int64_t take();
  };
  struct Wanted;

  [[nodiscard]] static Wanted wanted_by(const std::vector<const Change*>& changes, const Holdings& held);
  void take_in_tasks(Rows rows, const Wanted& wanted);
  void take_in_texts(Rows rows);
  void take_in_targets(Rows rows);
  void take_in_receivers(Rows rows);
  void take_in_deliveries(Rows rows);
  static void take_in_numbers(Rows rows, Numbers& numbers);
  Task* known(TaskNo task);
  Task& take_in(const TaskKey& key);
  [[nodiscard]] bool is_nobodys(const Task& task);
  [[nodiscard]] std::vector<Connection::Statement> all_that_waits();
  void put_down();
  void write();
  /// Writes, and forgets what was read: what comes now works on the tables themselves.
  void step_aside();

  DaemonNo self_ = 0;
  std::int64_t transaction_ = 0;
  std::map<TaskKey, Task> tasks_;
  std::unordered_map<TaskNo, Task*> by_number_;
  std::unordered_map<std::string, ReceiverRow> receivers_;
  std::unordered_map<ReceiverNo, bool> held_;  ///< whether deliveries to it are held
  std::unordered_map<DeliveryNo, Known> deliveries_;
  std::map<std::pair<EventNo, BodyFormat>, bool> bodies_;
  std::vector<std::string> notes_;
  Sheets sheets_;
  EventNo events_ = 0;    ///< that came in this transaction
  EventNo numbered_ = 0;  ///< so many of them have a number
  Numbers task_numbers_, delivery_numbers_;
};

}  // namespace mjwatchd::store::postgres

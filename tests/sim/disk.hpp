// A store in memory whose contents survive crashes, and whose queue does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mjwatchd/action.hpp"
#include "mjwatchd/change.hpp"
#include "mjwatchd/event.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

/// What the text of a webhook-id is made of: no two events have the same. 0: none.
using WebhookId = std::uint64_t;

struct TaskRow {
  TaskNo no = 0;  ///< 0: there is no such row
  TaskRecord record;
  Ending ending = Ending::none;
  std::uint32_t sequence = 0;
  EventMask events_wanted = 0;                                  ///< by the registration; 0: not said
  std::shared_ptr<const std::vector<WebhookTarget>> receivers;  ///< most tasks have the same
  bool started = false;                                         ///< and it was told
  EventNo final_event = 0;
  milliseconds ended{};
  const TaskPlan* plan = nullptr;
  std::size_t watched = 0;  ///< 1 more than its place among those that are watched
};

struct EventRow {
  EventNo no = 0;
  TaskNo task = 0;
  const TaskPlan* plan = nullptr;  ///< the task's
  WebhookId webhook_id = 0;
  std::uint32_t sequence = 0;
  EventType type = EventType::test;
};

struct DeliveryRow {
  DeliveryRecord record;
  std::size_t receiver = 0;  ///< its place among the scenario's
  WebhookId webhook_id = 0;
  milliseconds made{};
  bool out_of_order = false;  ///< replayed, or for a receiver that came late
};

/// The watch list of the simulated daemon, with the rules written in change.hpp. Changes wait, are
/// applied together at a later moment (or fail together), and are answered after that. While it
/// applies a change it checks what must hold between changes.
class Disk {
 public:
  using Done = std::function<void(const action::Persist&, CommitResult&&)>;
  using Page = std::function<void(std::vector<Event>)>;

  Disk(const Scenario& scenario, Clockwork& clock, Findings& findings)
      : scenario_(scenario), clock_(clock), findings_(findings), dice_(scenario.seed ^ 0xd15cU) {
    for (const TaskPlan& task : scenario.tasks) plans_[task.registration.key.id] = &task;
    std::vector<WebhookTarget> defaults;
    for (const std::string& name : scenario.default_receivers) defaults.emplace_back().endpoint = name;
    default_receivers_ = std::make_shared<const std::vector<WebhookTarget>>(std::move(defaults));
  }

  /// The change must stay where it is until it is answered, or until the disk crashes.
  void commit(const action::Persist& persist, Done&& done);
  /// At once, without the queue: what a database does whose clients queue for themselves.
  CommitResult write(const Change& change) {
    CommitResult result;
    std::visit([&](const auto& one) { apply(one, result); }, change);
    return result;
  }
  void adopt(Page page);
  /// Whatever waits is lost; who asked is no more.
  void crash();
  void calm() { calm_ = true; }

  /// A mistake made on purpose: it answers before it has synced, and a crash takes the last transaction.
  void sync_late() { syncs_late_ = true; }

  /// Nothing when there is no such row.
  [[nodiscard]] const TaskRow* task(const TaskKey& key) const;
  /// Also places without a row.
  [[nodiscard]] const ByTask<TaskRow>& tasks() const { return tables_.tasks; }
  [[nodiscard]] const Rows<EventRow>& events() const { return tables_.events; }
  [[nodiscard]] const Rows<DeliveryRow>& deliveries() const { return tables_.deliveries; }
  [[nodiscard]] const std::map<std::string, WallTime>& failing() const { return tables_.failing; }
  [[nodiscard]] const std::map<std::string, std::string>& learned() const { return tables_.learned; }
  [[nodiscard]] bool disabled(const std::string& receiver) const { return tables_.disabled.contains(receiver); }
  [[nodiscard]] bool ever_had(const TaskKey& key) const {
    const bool* had = tables_.ever.find(key.id);
    return had != nullptr && *had;
  }
  /// The number that the next new delivery will have.
  [[nodiscard]] DeliveryNo next_delivery() const { return tables_.deliveries.next(); }
  /// The places of the tasks that are watched, in no order; looked at often, so kept apart.
  [[nodiscard]] const std::vector<std::size_t>& watching() const { return watching_; }
  /// When the delivery before this one of its task, to its receiver, was committed as ended.
  [[nodiscard]] milliseconds predecessor_ended(const DeliveryRow& row) const {
    return tables_.chain_ended.get(row.record.task, row.receiver);
  }
  [[nodiscard]] bool idle() const { return queue_.empty() && !busy_; }

 private:
  struct Waiting {
    const action::Persist* persist = nullptr;  ///< nothing: it is read
    Done done;
    CommitResult result{};
    Page page{};
  };

  void start();
  [[nodiscard]] milliseconds sync_takes();
  [[nodiscard]] bool full() const;
  void finish(bool fails);
  void read(const Page& page);

  [[nodiscard]] TaskRow* row(const TaskKey& key) { return const_cast<TaskRow*>(std::as_const(*this).task(key)); }
  void apply(const change::Register& change, CommitResult& result);
  void apply(const change::Task& change, CommitResult& result);
  void apply(const change::Forget& change, CommitResult& result);
  void apply(const change::AddReceiver& change, CommitResult& result);
  void apply(const change::Delivery& change, CommitResult& result);
  void apply(const change::Replay& change, CommitResult& result);
  void apply(const change::Receiver& change, CommitResult& result);
  void apply(const change::Failing& change, CommitResult& result);
  void apply(const change::Test& change, CommitResult& result);
  void apply(const change::Learned& change, CommitResult& result);

  void watch(TaskRow& row);
  void unwatch(TaskRow& row);
  [[nodiscard]] bool allowed(const TaskRow& row, const change::Task& change);
  void merge(TaskRow& row, const Snapshot& seen, WallTime at);
  void tell(TaskRow& row, EventType type, WallTime at, CommitResult& result);
  void deliver(const EventRow& event, const WebhookTarget& target, WallTime at, bool late, CommitResult& result);
  [[nodiscard]] WebhookId new_id();
  [[nodiscard]] bool wants(const TaskRow& row, const WebhookTarget& target, EventType type) const;
  void broken(const std::string& what) { findings_.broken(clock_.now(), "disk: " + what); }
  void broken(const TaskKey& key, const std::string& what) { broken(key.gateway + "/" + key.id + " " + what); }

  const Scenario& scenario_;
  Clockwork& clock_;
  Findings& findings_;
  Dice dice_;
  ByTask<const TaskPlan*> plans_;
  std::shared_ptr<const std::vector<WebhookTarget>> default_receivers_;
  bool calm_ = false;

  // In memory, lost at a crash.
  std::vector<Waiting> queue_;
  std::vector<Waiting> group_;  ///< the present transaction; of use while busy
  bool busy_ = false;
  std::uint64_t life_ = 0;
  std::vector<std::size_t> watching_;

  /// What is on disk.
  struct Tables {
    ByTask<TaskRow> tasks;
    Rows<EventRow> events;
    Rows<DeliveryRow> deliveries;
    std::set<std::string> disabled;
    std::map<std::string, WallTime> failing;
    std::map<std::string, std::string> learned;
    ByTask<bool> ever;
    ByChain<milliseconds> chain_ended;
    TaskNo last_task = 0;
  };
  Tables tables_{{}, {}, {}, {}, {}, {}, {}, ByChain<milliseconds>(scenario_.receivers.size()), 0};
  bool syncs_late_ = false;
  std::optional<Tables> synced_;  ///< of a disk that syncs late: what would be left after a crash
};

[[nodiscard]] bool is_final_event(EventType type);

}  // namespace mjwatchd::sim

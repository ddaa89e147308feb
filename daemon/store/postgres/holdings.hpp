// What of the watch list this daemon holds.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mjwatchd/change.hpp"
#include "mjwatchd/event.hpp"

namespace mjwatchd::store::postgres {

using Clock = std::chrono::steady_clock;

/// The tasks whose lease is ours, and that the core was not told to let go of, each with its deliveries; and
/// deliveries of no task. Any thread.
class Holdings {
 public:
  /// `live`: a task that is watched or saved. One that is done is held for its deliveries.
  void hold(TaskNo task, const TaskKey& key, bool live);
  /// One of which nothing was ever to be delivered.
  void hold_new(TaskNo task, const TaskKey& key);
  /// Something of it is to be delivered.
  void delivers(TaskNo task);
  /// Something is to be done about a task whose lease is ours; not if it is given up.
  void hold_again(TaskNo task, const TaskKey& key, bool live);
  void hold_delivery(DeliveryNo delivery);
  /// The task is done, and still held if anything of it was ever to be delivered, until it is known to be settled.
  void ended(TaskNo task);
  /// Its row is gone; what is queued of it is ours still. Answers the name that is to be forgotten: nothing when the
  /// task is not held, or its name is another one's by now.
  [[nodiscard]] std::optional<TaskKey> deleted(TaskNo task);

  /// These are to be another's, and the core is told so; their leases are ours until gave_up().
  [[nodiscard]] std::vector<Event> give_up(const std::vector<TaskNo>& tasks);
  void gave_up();
  /// Everything, as the core is told that it is no longer ours.
  [[nodiscard]] std::vector<Event> release_all();

  // What is on its way to the core, when it comes there: without what was let go of meanwhile.
  void keep_own(std::vector<Event>& page) const;
  /// `fresh`: of a registration, that was asked for before all was let go.
  void keep_own(bool fresh, CommitResult& result) const;

  [[nodiscard]] bool holds(TaskNo task) const;
  /// Of the task of that name, as far as is known here; 0: it is not held.
  [[nodiscard]] TaskNo number_of(const TaskKey& key) const;
  [[nodiscard]] std::size_t live() const;
  [[nodiscard]] std::vector<TaskNo> tasks() const;
  [[nodiscard]] std::vector<TaskNo> done_ones() const;
  [[nodiscard]] std::vector<DeliveryNo> deliveries() const;
  /// Nothing of them was to be delivered at that moment.
  void settled(const std::vector<TaskNo>& tasks, Clock::time_point seen);
  void settled_deliveries(const std::vector<DeliveryNo>& deliveries, Clock::time_point seen);

 private:
  struct Held {
    TaskKey key;  ///< empty: there is no task of its name any more, or a later one
    bool live = true;
    bool delivers = true;  ///< or did
    Clock::time_point since{};
  };
  using Tasks = std::unordered_map<TaskNo, Held>;
  struct ByName {
    std::size_t operator()(const TaskKey* key) const;
    bool operator()(const TaskKey* one, const TaskKey* other) const { return *one == *other; }
  };
  void put(TaskNo task, const TaskKey& key, bool live);
  void erase(Tasks::iterator held);
  void not_live(Held& held);
  void forget_name(Held& held);
  [[nodiscard]] bool ours(const DeliveryRecord& delivery) const;

  mutable std::mutex mutex_;
  Tasks tasks_;
  std::unordered_map<const TaskKey*, TaskNo, ByName, ByName> names_;  ///< of those that have one
  std::size_t live_ = 0;                                              ///< of the tasks
  std::unordered_set<TaskNo> given_up_;
  std::unordered_map<DeliveryNo, Clock::time_point> alone_;  ///< since when
};

}  // namespace mjwatchd::store::postgres

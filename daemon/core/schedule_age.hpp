#pragma once

#include <queue>
#include <vector>

#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// The plain schedule: how soon a task is looked at again depends on its age since it was submitted.
/// A call is made when the first task is due, and filled up with those due next.
class AgeSchedule final : public PollSchedule {
 public:
  AgeSchedule(const GatewaySettings& gateway, const WatchSettings& watch);

  void add(TaskSlot slot, const TaskFacts& facts, Time now) override;
  void looked(TaskSlot slot, const Look& look) override;
  void ended(TaskSlot slot, const Look& look) override;
  void put_back(TaskSlot slot, Time earliest) override;
  void removed(TaskSlot slot) override;
  void hasten(TaskSlot slot, Time now) override;
  [[nodiscard]] Time next_call() const override;
  void take(Time now, std::size_t most, std::vector<TaskSlot>& out) override;
  [[nodiscard]] std::size_t waiting() const override { return waiting_; }

 private:
  enum class Place : std::uint8_t { absent, waiting, out };
  struct Entry {
    Time due{};
    Time born{};              ///< submission, or when we first heard of it
    std::uint32_t round = 0;  ///< tells a heap item from the ones it replaced
    Place place = Place::absent;
  };
  struct Item {
    Time due;
    TaskSlot slot;
    std::uint32_t round;
    bool operator<(const Item& other) const {
      return due != other.due ? due > other.due : slot > other.slot;  // the heap's top is the soonest
    }
  };

  [[nodiscard]] milliseconds step(const Entry& entry, Status status, Time now) const;
  void wait(TaskSlot slot, Time due);
  void forget(TaskSlot slot);
  /// Keeps the invariant that the top of the heap is a waiting task's present item.
  void drop_stale();
  Entry& entry(TaskSlot slot);

  std::size_t batch_;
  milliseconds max_gap_;
  std::vector<Entry> entries_;  ///< by slot
  std::priority_queue<Item> heap_;
  std::size_t waiting_ = 0;
};

}  // namespace mjwatchd

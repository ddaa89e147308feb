// Mistakes made on purpose, to show that the simulation finds them.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mjwatchd/action.hpp"
#include "mjwatchd/event.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/disk.hpp"

namespace mjwatchd::sim {

/// A mistake that a daemon like this could make, on its way between the core and the world.
enum class Fault : std::uint8_t {
  none,
  ack_before_commit,
  ack_before_sync,
  send_uncommitted,
  retry_dropped,
  retries_cut_short,
  refusal_called_delivery,
  id_changed,
  id_reused,
  order_broken,
  final_superseded,
  final_event_doubled,
  ending_overwritten,
  saved_turned_back,
  saving_announced_early,
  running_called_failed,
  absence_called_loss,
  wakeup_lost,
  call_doubled,
  reply_lost,
  commit_answer_lost,
  task_not_adopted,
  delivery_not_adopted,
  deletion_forgotten,
};

struct FaultFacts {
  Fault fault;
  std::string_view name;
  std::string_view what;
  std::uint64_t seeds;  ///< it is caught within so many
};
/// All of them but none.
[[nodiscard]] const std::vector<FaultFacts>& faults();

/// Changes what the core hears and asks for. Owned by the World; it does so now and then only, as such
/// mistakes are: where a fault could strike, it does in `kShare` of a hundred cases.
class Saboteur {
 public:
  Saboteur(Fault fault, std::uint64_t seed, const Disk& disk) : fault_(fault), dice_(seed ^ 0xbadU), disk_(disk) {}

  [[nodiscard]] bool is(Fault fault) const { return fault_ == fault; }
  /// Before the core hears them.
  void events(std::vector<Event>& events) {
    if (fault_ != Fault::none) change(events);
  }
  /// After the core asked for them.
  void actions(Actions& actions) {
    if (fault_ != Fault::none) change(actions);
  }
  /// What really reaches a receiver; good until the next.
  [[nodiscard]] const DeliveryRow& posted(const DeliveryRow& row);
  [[nodiscard]] bool loses_wakeup() { return is(Fault::wakeup_lost) && strikes(); }

 private:
  static constexpr double kShare = 10;
  [[nodiscard]] bool strikes() { return dice_.chance(kShare); }
  void change(std::vector<Event>& events);
  void change(Actions& actions);
  [[nodiscard]] bool lost(const Event& event);
  void spoil(Event& event);
  [[nodiscard]] bool lost(const Action& action);
  void spoil(action::Persist& persist);
  void spoil(change::Task& change);
  void double_calls(Actions& actions);
  void answer_early(Actions& actions);
  void send_early(Actions& actions);
  [[nodiscard]] const DeliveryRow* later_one(const DeliveryRow& row) const;

  Fault fault_;
  Dice dice_;
  const Disk& disk_;
  std::vector<Event> invented_;
  std::vector<std::pair<Ticket, TaskKey>> registering_;
  std::set<Ticket> answered_;
  DeliveryRow posted_;
  WebhookId last_id_ = 0;
};

}  // namespace mjwatchd::sim

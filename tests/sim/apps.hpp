// What apps and people ask of the daemons of a world.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "mjwatchd/event.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/rules.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

/// Asks as the scenario has it, whatever world it is. All it is given must outlive it.
class Apps {
 public:
  /// A client's call that is repeated until it is answered.
  struct Wish {
    std::function<void(Ticket, std::vector<Event>& inbox)> ask;
    std::function<void(const CommitResult&)> answered;
  };
  /// The world's part.
  struct Doors {
    std::function<void(Wish)> ask;  ///< now, of whichever daemon there is
    std::function<void(const TaskKey&)> refresh;
    std::function<WallTime()> wall;  ///< as people's clocks tell it
    /// A task's deletion is asked for; what is to be looked at once it is answered.
    std::function<std::function<void()>(const TaskKey&)> deleting;
  };

  Apps(const Scenario& scenario, Clockwork& clock, Dice& dice, Rules& rules, Doors doors)
      : scenario_(scenario), clock_(clock), dice_(dice), rules_(rules), doors_(std::move(doors)) {}
  Apps(const Apps&) = delete;
  Apps& operator=(const Apps&) = delete;

  void plan_apps();
  void plan_people();
  void ask_at(milliseconds when, Wish wish);
  /// Wishes whose time has not come.
  [[nodiscard]] std::size_t planned() const { return planned_; }

 private:
  void register_task(const TaskPlan& plan, milliseconds when, bool may_delete);
  [[nodiscard]] Wish registering(const TaskPlan& plan, bool may_delete);
  void delete_task(const TaskPlan& plan);
  void change_at(milliseconds when, std::function<Change(WallTime)> make);

  const Scenario& scenario_;
  Clockwork& clock_;
  Dice& dice_;
  Rules& rules_;
  Doors doors_;
  std::size_t planned_ = 0;
};

}  // namespace mjwatchd::sim

// A gateway that knows what becomes of its tasks, and answers as real ones do: late, wrongly, or not.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mjwatchd/event.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

class FakeGateway {
 public:
  /// Of the ids that were asked for.
  using Done = std::function<void(const std::vector<std::string>& ids, FetchReply)>;

  /// All must outlive it. `wall` is the true time of day at the beginning.
  FakeGateway(std::string name, const Scenario& scenario, Clockwork& clock, WallTime wall);

  void fetch(bool batch, std::vector<std::string> ids, Done done);
  void calm() { calm_ = true; }

  /// What is true of a task, whatever the replies say.
  [[nodiscard]] Status truth(const std::string& id) const;
  /// When it truly ended; nothing if it has not, or if the gateway does not know it all the time.
  [[nodiscard]] std::optional<milliseconds> ended(const std::string& id) const;

 private:
  [[nodiscard]] Mood mood() const;
  [[nodiscard]] FetchReply answer(bool batch, const std::vector<std::string>& ids);
  void shuffle(std::vector<Snapshot>& tasks);
  [[nodiscard]] bool moody(FetchReply& reply);
  [[nodiscard]] bool dislikes(bool batch, const std::vector<std::string>& ids, FetchReply& reply);
  bool look(const TaskPlan& task, std::vector<Snapshot>& told);
  [[nodiscard]] bool knows(const TaskPlan& task, milliseconds when) const;
  [[nodiscard]] const TaskPlan* plan(const std::string& id) const;
  [[nodiscard]] const Stage* stage(const TaskPlan& plan, milliseconds when) const;

  std::string name_;
  const Scenario& scenario_;
  const GatewayPlan& plan_;
  Clockwork& clock_;
  WallTime wall_;
  Dice dice_;
  ByTask<const TaskPlan*> tasks_;
  bool calm_ = false;
  std::vector<std::size_t> order_;  ///< of the reply that is being shuffled
};

}  // namespace mjwatchd::sim

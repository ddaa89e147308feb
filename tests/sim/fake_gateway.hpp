// A gateway that knows what becomes of its tasks, and answers as real ones do: late, wrongly, or not.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mjwatchd/event.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/slots.hpp"

namespace mjwatchd::sim {

class FakeGateway {
 public:
  /// What it is asked.
  struct Call {
    CallNo number = 0;
    bool batch = false;
    std::vector<std::string> ids;
  };
  using Done = std::function<void(const FakeGateway& gateway, const Call& call, FetchReply&& reply)>;

  /// All must outlive it. `wall` is the true time of day at the beginning.
  FakeGateway(std::string name, const Scenario& scenario, Clockwork& clock, WallTime wall);

  void fetch(Call call, Done done);
  void calm() { calm_ = true; }

  [[nodiscard]] const std::string& name() const { return name_; }
  /// What is true of a task, whatever the replies say.
  [[nodiscard]] Status truth(const std::string& id) const;
  /// When it truly ended; nothing if it has not, or if the gateway does not know it all the time.
  [[nodiscard]] std::optional<milliseconds> ended(const std::string& id) const;

 private:
  struct UnderWay {
    Call call;
    Done done;
    FetchReply reply;
  };
  /// What it says of a task, in short.
  struct Glance {
    const TaskPlan* task = nullptr;  ///< nothing: one that nobody asked for
    const Stage* stage = nullptr;
    std::optional<std::uint8_t> progress;
  };

  void end(std::size_t place);
  [[nodiscard]] Mood mood() const;
  void answer(const Call& call, FetchReply& reply);
  void look_at_all(const Call& call);
  void shuffle();
  [[nodiscard]] bool moody(FetchReply& reply);
  [[nodiscard]] bool dislikes(const Call& call, FetchReply& reply) const;
  bool look(const TaskPlan& task);
  void tell(const Glance& glance, Snapshot& seen) const;
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
  Slots<UnderWay> calls_;
  std::vector<const TaskPlan*> asked_;  ///< by the call that is being answered
  std::vector<Glance> seen_;            ///< for the reply that is being made
};

}  // namespace mjwatchd::sim

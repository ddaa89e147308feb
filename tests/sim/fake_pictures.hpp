// An image store of which each task's plan says how it goes.
#pragma once

#include <functional>
#include <map>

#include "mjwatchd/event.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

class FakePictures {
 public:
  using Done = std::function<void(SaveVerdict, ImageResult)>;

  FakePictures(const Scenario& scenario, Clockwork& clock)
      : scenario_(scenario), clock_(clock), dice_(scenario.seed ^ 0x91cU) {}

  void save(const TaskKey& key, Done done) {
    PicturePlan plan;
    for (const TaskPlan& task : scenario_.tasks) {
      if (task.registration.key == key) plan = task.pictures;
    }
    SaveVerdict verdict = plan.verdict;
    if (tries_[key]++ < plan.failures) verdict = SaveVerdict::try_again;
    ImageResult result;
    if (verdict == SaveVerdict::try_again || verdict == SaveVerdict::gone) result.error = "HTTP 403";
    if (verdict == SaveVerdict::saved) {
      result.images.emplace_back();
      result.images.back().path = "/pictures/" + key.id;
    }
    clock_.in(dice_.between(plan.fastest, plan.slowest),
              [done = std::move(done), verdict, result] { done(verdict, result); });
  }

 private:
  const Scenario& scenario_;
  Clockwork& clock_;
  Dice dice_;
  std::map<TaskKey, int> tries_;
};

}  // namespace mjwatchd::sim

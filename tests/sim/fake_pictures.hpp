// An image store of which each task's plan says how it goes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include "mjwatchd/event.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

class FakePictures {
 public:
  using Done = std::function<void(SaveVerdict, ImageResult)>;

  FakePictures(const Scenario& scenario, Clockwork& clock) : clock_(clock), dice_(scenario.seed ^ 0x91cU) {
    for (const TaskPlan& task : scenario.tasks) plans_.emplace(task.registration.key.id, &task);
  }

  void save(const TaskKey& key, Done done) {
    const auto found = plans_.find(key.id);
    const PicturePlan plan = found == plans_.end() ? PicturePlan{} : found->second->pictures;
    SaveVerdict verdict = plan.verdict;
    if (plan.failures != 0 && tries_[key]++ < plan.failures) verdict = SaveVerdict::try_again;
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
  std::unordered_map<std::string, const TaskPlan*> plans_;  ///< by the id: the simulated ones differ
  Clockwork& clock_;
  Dice dice_;
  std::map<TaskKey, int> tries_;
};

}  // namespace mjwatchd::sim

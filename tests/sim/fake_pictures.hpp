// An image store of which each task's plan says how it goes.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "mjwatchd/event.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

class FakePictures {
 public:
  using Done = std::function<void(SaveVerdict, ImageResult)>;

  FakePictures(const Scenario& scenario, Clockwork& clock) : clock_(clock), dice_(scenario.seed ^ 0x91cU) {
    for (const TaskPlan& task : scenario.tasks) jobs_[task.registration.key.id].plan = task.pictures;
  }

  void save(const TaskKey& key, Done done) {
    Job& job = jobs_[key.id];
    const PicturePlan& plan = job.plan;
    SaveVerdict verdict = plan.verdict;
    if (plan.failures != 0 && job.tries++ < plan.failures) verdict = SaveVerdict::try_again;
    ImageResult result;
    if (verdict == SaveVerdict::try_again || verdict == SaveVerdict::gone) result.error = "HTTP 403";
    if (verdict == SaveVerdict::saved) {
      result.images.emplace_back();
      result.images.back().path = "/pictures/" + key.id;
    }
    clock_.in(
        dice_.between(plan.fastest, plan.slowest),
        [done = std::move(done), verdict, result = std::move(result)]() mutable { done(verdict, std::move(result)); });
  }

 private:
  struct Job {
    PicturePlan plan;
    int tries = 0;
  };
  Clockwork& clock_;
  Dice dice_;
  ByTask<Job> jobs_;
};

}  // namespace mjwatchd::sim

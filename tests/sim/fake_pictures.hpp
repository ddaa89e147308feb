// An image store of which each task's plan says how it goes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "mjwatchd/event.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/slots.hpp"

namespace mjwatchd::sim {

class FakePictures {
 public:
  using Done = std::function<void(const TaskKey&, SaveVerdict, ImageResult&&)>;

  FakePictures(const Scenario& scenario, Clockwork& clock) : clock_(clock), dice_(scenario.seed ^ 0x91cU) {
    for (const TaskPlan& task : scenario.tasks) jobs_[task.registration.key.id].plan = &task.pictures;
  }

  void save(const TaskKey& key, Done done) {
    const std::size_t place = saves_.take();
    UnderWay& one = saves_[place];
    one.key = key;
    one.done = std::move(done);
    Job& job = jobs_[key.id];
    const PicturePlan& plan = *job.plan;
    one.verdict = plan.verdict;
    if (plan.failures != 0 && job.tries++ < plan.failures) one.verdict = SaveVerdict::try_again;
    one.result = outcome(key, one.verdict);
    clock_.in(dice_.between(plan.fastest, plan.slowest), [this, place] { end(place); });
  }

 private:
  struct Job {
    const PicturePlan* plan = nullptr;
    int tries = 0;
  };
  struct UnderWay {
    TaskKey key;
    Done done;
    SaveVerdict verdict = SaveVerdict::saved;
    ImageResult result;
  };

  [[nodiscard]] static ImageResult outcome(const TaskKey& key, SaveVerdict verdict) {
    ImageResult result;
    if (verdict == SaveVerdict::try_again || verdict == SaveVerdict::gone) result.error = "HTTP 403";
    if (verdict == SaveVerdict::saved) {
      result.images.emplace_back();
      result.images.back().path = "/pictures/" + key.id;
    }
    return result;
  }
  void end(std::size_t place) {
    UnderWay& one = saves_[place];
    one.done(one.key, one.verdict, std::move(one.result));
    saves_.give_back(place);
  }

  Clockwork& clock_;
  Dice dice_;
  ByTask<Job> jobs_;
  Slots<UnderWay> saves_;
};

}  // namespace mjwatchd::sim

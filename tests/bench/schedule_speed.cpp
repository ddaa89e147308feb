// What a decision costs with many live tasks: choose a batch, take its reply.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>

#include "mjwatchd/poll_schedule.hpp"

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

double resident_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// A task of the crowd runs for a minute or so in six steps; one that ends is followed by a new one.
struct Crowd {
  explicit Crowd(std::size_t tasks) : born(tasks), run(tasks) {}
  std::vector<Time> born;
  std::vector<milliseconds> run;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  GatewaySettings gateway;
  gateway.batch = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50;
  const std::size_t decisions = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 40'000;
  std::mt19937_64 dice(1);
  Crowd crowd(tasks);
  const double before = resident_mib();
  const auto schedule = make_schedule(gateway, {});
  Time now(1h);
  const auto enter = [&](TaskSlot slot, Time born) {
    crowd.born[slot] = born;
    crowd.run[slot] = milliseconds(20'000 + static_cast<std::int64_t>(dice() % 80'000));
    TaskFacts facts;
    facts.action = "IMAGINE";
    facts.submitted = born;
    schedule->add(slot, facts, now);
  };
  for (TaskSlot slot = 0; slot < tasks; ++slot) {
    enter(slot, now - milliseconds(static_cast<std::int64_t>(dice() % 20'000)));
  }
  std::vector<TaskSlot> batch;
  std::size_t looks = 0, ends = 0;
  const std::clock_t began = std::clock();  // of this program alone, whoever else keeps the machine busy
  for (std::size_t i = 0; i < decisions; ++i) {
    now = std::max(now + 1ms, schedule->next_call());
    batch.clear();
    schedule->take(now, gateway.batch, batch);
    for (const TaskSlot slot : batch) {
      const Time end = crowd.born[slot] + crowd.run[slot];
      Look look{now, now, Status::in_progress, {}, crowd.born[slot], crowd.born[slot] + 2s, {}};
      ++looks;
      if (end <= now) {
        look.status = Status::success;
        look.finished = end;
        schedule->ended(slot, look);
        enter(slot, now);
        ++ends;
      } else {
        look.progress = static_cast<std::uint8_t>((now - crowd.born[slot]) * 6 / crowd.run[slot] * 16);
        schedule->looked(slot, look);
      }
    }
  }
  const double took_us = 1e6 * static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  const double mib = resident_mib() - before;
  std::printf(
      "%zu live, batch %zu: %.1f us a decision (%.0f looks, %.1f ends), %.0f bytes a task\n", tasks, gateway.batch,
      took_us / static_cast<double>(decisions), static_cast<double>(looks) / static_cast<double>(decisions),
      static_cast<double>(ends) / static_cast<double>(decisions), mib * 1024 * 1024 / static_cast<double>(tasks));
}

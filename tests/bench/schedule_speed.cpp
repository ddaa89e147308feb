// What a decision costs with many live tasks: choose a batch, take its reply.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <new>
#include <random>
#include <string>

#include "mjwatchd/poll_schedule.hpp"

namespace {
std::size_t allocated = 0;  ///< bytes in use, as malloc rounds them

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  allocated += malloc_usable_size(memory);
  return memory;
}
void release(void* memory) {
  if (memory != nullptr) allocated -= malloc_usable_size(memory);
  std::free(memory);
}
}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t align) {
  const auto to = static_cast<std::size_t>(align);
  return counted(std::aligned_alloc(to, (size + to - 1) / to * to));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

std::size_t resident() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "RssAnon:" && status >> word) return std::stoull(word) * 1024;
  }
  return 0;
}

/// A task of the crowd runs for a minute or so in six steps; one that ends is followed by a new one.
struct Member {
  Time born;
  milliseconds run;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  GatewaySettings gateway;
  gateway.batch = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50;
  const std::size_t decisions = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 40'000;
  std::mt19937_64 dice(1);
  std::vector<Member> crowd(tasks);
  std::vector<TaskSlot> batch;
  std::vector<Look> looks;
  batch.reserve(gateway.batch);
  looks.reserve(gateway.batch);
  const std::size_t allocated_before = allocated, resident_before = resident();
  const auto schedule = make_schedule(gateway, {});
  Time now(1h);
  const auto enter = [&](TaskSlot slot, Time born) {
    crowd[slot] = {born, milliseconds(20'000 + static_cast<std::int64_t>(dice() % 80'000))};
    TaskFacts facts;
    facts.action = "IMAGINE";
    facts.submitted = born;
    schedule->add(slot, facts, now);
  };
  for (TaskSlot slot = 0; slot < tasks; ++slot) {
    enter(slot, now - milliseconds(static_cast<std::int64_t>(dice() % 20'000)));
  }
  std::size_t looked = 0, ends = 0, most_allocated = 0, most_resident = 0;
  std::clock_t took = 0;  // by this program alone, whoever else keeps the machine busy
  for (std::size_t i = 0; i < decisions; ++i) {
    batch.clear();
    took -= std::clock();
    now = std::max(now + 1ms, schedule->next_call());
    schedule->take(now, gateway.batch, batch);
    took += std::clock();
    looks.clear();
    for (const TaskSlot slot : batch) {  // what the gateway does is not counted
      const auto& [born, run] = crowd[slot];
      Look& look = looks.emplace_back(Look{now, now, Status::in_progress, {}, born, born + 2s, {}});
      look.progress = static_cast<std::uint8_t>((now - born) * 6 / run * 16);
      if (born + run > now) continue;
      look.status = Status::success;
      look.finished = born + run;
    }
    looked += batch.size();
    took -= std::clock();
    for (std::size_t one = 0; one < batch.size(); ++one) {
      if (looks[one].finished) {
        schedule->ended(batch[one], looks[one]);
        enter(batch[one], now);
        ++ends;
      } else {
        schedule->looked(batch[one], looks[one]);
      }
    }
    took += std::clock();
    most_allocated = std::max(most_allocated, allocated);
    if (i % 4000 == 0) most_resident = std::max(most_resident, resident());
  }
  const double took_us = 1e6 * static_cast<double>(took) / CLOCKS_PER_SEC;
  const auto each = [](std::size_t sum, std::size_t count) {
    return static_cast<double>(sum) / static_cast<double>(count);
  };
  std::printf(
      "%zu live, batch %zu: %.1f us a decision (%.0f looks, %.1f ends); a task: %.0f bytes allocated at most, "
      "%.0f resident\n",
      tasks, gateway.batch, took_us / static_cast<double>(decisions), each(looked, decisions), each(ends, decisions),
      each(most_allocated - allocated_before, tasks), each(most_resident - resident_before, tasks));
}

#include "daemon/core/schedule_pace.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace mjwatchd {
namespace {
/// What is seen counts for neighbouring shares too, by a bell of one part.
constexpr int kSmooth = 3;
/// Of a recorded run of 55 s: 12 s to the first step of 15 %, then 15.5 points every 7 s.
constexpr float kRun = 55, kToFirst = 12, kFirst = 15, kPointsPerSecond = 15.5F / 7;
}  // namespace

std::uint8_t PaceTable::step(std::uint8_t progress) {
  return progress == 0 ? std::uint8_t{0}
                       : static_cast<std::uint8_t>(std::min<std::size_t>(1 + progress / 10U, kSteps - 1));
}

PaceTable PaceTable::recorded() {
  PaceTable table;
  for (std::size_t part = 0; part <= kShares; ++part) {
    const float time = kRun * static_cast<float>(part) / static_cast<float>(kShares);
    const float expected =
        time < kToFirst ? 0 : 1 + std::min((kFirst + (time - kToFirst) * kPointsPerSecond) / 10, 10.0F);
    float total = 0;
    for (std::size_t step = 0; step < kSteps; ++step) {
      const float distance = static_cast<float>(step) - expected;
      total += table.likelihood_[step][part] = 1 / (1 + distance * distance);
    }
    for (ByShare& step : table.likelihood_) step[part] /= total;
  }
  return table;
}

void PaceTable::saw(std::uint8_t step, float from, float to) {
  const float first = std::clamp(from, 0.0F, 1.0F) * kShares;
  const float last = std::clamp(to, 0.0F, 1.0F) * kShares;
  const int begin = std::max(static_cast<int>(first) - kSmooth, 0);
  const int end = std::min(static_cast<int>(last) + kSmooth + 1, static_cast<int>(kShares));
  for (int part = begin; part <= end; ++part) {
    const auto at = static_cast<float>(part);
    const float distance = std::max(first - at, at - last);
    seen_[step][static_cast<std::size_t>(part)] += distance <= 0 ? 1 : std::exp(-distance * distance / 2);
  }
}

void PaceTable::add(const PaceTable& other) {
  for (std::size_t step = 0; step < kSteps; ++step) {
    float* const sums = seen_[step].data();
    const float* const more = other.seen_[step].data();
    for (std::size_t part = 0; part <= kShares; part += 4) {
      put_four(sums + part, four_at(sums + part) + four_at(more + part));
    }
  }
}

void PaceTable::forget(float factor) {
  for (ByShare& step : seen_) {
    for (float& count : step) count *= factor;
  }
}

void PaceTable::derive(const PaceTable& prior, float weight) {
  for (std::size_t part = 0; part <= kShares; part += 4) {
    FourFloats total = four(weight);
    for (const ByShare& step : seen_) total += four_at(&step[part]);
    for (std::size_t step = 0; step < kSteps; ++step) {
      const FourFloats seen = four_at(&seen_[step][part]) + weight * four_at(&prior.likelihood_[step][part]);
      put_four(&likelihood_[step][part], seen / total);
    }
  }
}

void PaceTable::write(std::string& out, Exactness exactness) const {
  for (const ByShare& step : seen_) write_numbers(out, std::span(step).first<kShares + 1>(), exactness);
}

bool PaceTable::read(std::istream& in) {
  for (ByShare& step : seen_) {
    if (!read_numbers(in, std::span(step).first<kShares + 1>())) return false;
  }
  return true;
}

}  // namespace mjwatchd

#include "daemon/core/schedule_hazard.hpp"

#include <algorithm>
#include <cmath>

#include "daemon/core/schedule_exp.hpp"
#include "daemon/core/schedule_memory.hpp"

namespace mjwatchd {
namespace {
/// The share of the prior that goes on weighing where hardly anything lasts so long.
constexpr float kLeastPrior = 0.05F;
/// An end counts for its neighbours too, by a bell whose deviation is an eighth of the time, cut off at
/// three bins.
constexpr int kReach = 3;
constexpr float kBell = 4;  ///< twice its variance, in bins
}  // namespace

HazardTable::HazardTable(float median, float sigma) {
  for (std::size_t i = 0; i <= kBins; ++i) {
    const float survival = 0.5F * std::erfc(std::log(time_of(i) / median) / sigma / std::sqrt(2.0F));
    sum_[i] = -std::log(std::max(survival, 1e-30F));
  }
}

void HazardTable::passed(float from, float to) {
  if (to <= from) return;
  const float first = std::max(place(from), 0.0F);
  const float last = std::min(place(to), static_cast<float>(kBins));
  for (int bin = static_cast<int>(first); bin < static_cast<int>(kBins) && static_cast<float>(bin) < last; ++bin) {
    const auto begin = static_cast<float>(bin);
    exposure_[static_cast<std::size_t>(bin)] += std::min(last, begin + 1) - std::max(first, begin);
  }
}

void HazardTable::ended(float at) {
  const float centre = std::clamp(place(at), 0.0F, static_cast<float>(kBins) - 0.5F);
  std::array<float, 2 * kReach + 1> bell{};
  float total = 0;
  for (int d = -kReach; d <= kReach; ++d) {
    const float distance = std::floor(centre) + static_cast<float>(d) + 0.5F - centre;
    total += bell[static_cast<std::size_t>(d + kReach)] = std::exp(-distance * distance / kBell);
  }
  for (int d = -kReach; d <= kReach; ++d) {
    const int bin = std::clamp(static_cast<int>(centre) + d, 0, static_cast<int>(kBins) - 1);
    events_[static_cast<std::size_t>(bin)] += bell[static_cast<std::size_t>(d + kReach)] / total;
  }
}

void HazardTable::add(const HazardTable& other) {
  for (std::size_t i = 0; i < kBins; ++i) {
    events_[i] += other.events_[i];
    exposure_[i] += other.exposure_[i];
  }
}

void HazardTable::forget(float factor) {
  for (float& events : events_) events *= factor;
  for (float& exposure : exposure_) exposure *= factor;
}

void HazardTable::derive(const HazardTable& prior, float weight) {
  std::array<float, (kBins + 3) / 4 * 4> worth{};  // of the prior, in each bin
  for (std::size_t i = 0; i < kBins; ++i) worth[i] = -prior.sum_[i];
  survivals(worth, kBins);
  for (std::size_t i = 0; i < kBins; ++i) {
    const float expected = prior.sum_[i + 1] - prior.sum_[i];  // ends of one that reaches this bin
    const float prior_worth = weight * std::max(worth[i], kLeastPrior);
    sum_[i + 1] = sum_[i] + (events_[i] + prior_worth * expected) / (exposure_[i] + prior_worth);
  }
}

void HazardTable::write(std::ostream& out) const {
  write_numbers(out, events_);
  write_numbers(out, exposure_);
}

bool HazardTable::read(std::istream& in) { return read_numbers(in, events_) && read_numbers(in, exposure_); }

}  // namespace mjwatchd

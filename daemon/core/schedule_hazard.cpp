#include "daemon/core/schedule_hazard.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "daemon/core/schedule_exp.hpp"

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
  if (first >= last) return;
  const auto begin = static_cast<std::size_t>(first), end = static_cast<std::size_t>(last);
  const auto into = [](float at, std::size_t bin) { return at - static_cast<float>(bin); };
  if (begin == end) {
    exposure_[begin] += last - first;
    return;
  }
  exposure_[begin] += 1 - into(first, begin);
  std::size_t bin = begin + 1;
  for (; bin + 4 <= end; bin += 4) put_four(&exposure_[bin], four_at(&exposure_[bin]) + 1);
  for (; bin < end; ++bin) exposure_[bin] += 1;
  if (end < kBins) exposure_[end] += into(last, end);
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
  for (std::size_t i = 0; i < kPadded; i += 4) {
    put_four(&events_[i], four_at(&events_[i]) + four_at(&other.events_[i]));
    put_four(&exposure_[i], four_at(&exposure_[i]) + four_at(&other.exposure_[i]));
  }
}

void HazardTable::forget(float factor) {
  for (float& events : events_) events *= factor;
  for (float& exposure : exposure_) exposure *= factor;
}

void HazardTable::derive(const HazardTable& prior, float weight) {
  std::array<float, kPadded> hazard;
  for (std::size_t i = 0; i < kPadded; i += 4) {
    const FourFloats before = four_at(&prior.sum_[i]);
    const FourFloats expected = four_at(&prior.sum_[i + 1]) - before;  // ends of one that reaches the bin
    const FourFloats worth = weight * greater(survival(-before), four(kLeastPrior));
    put_four(&hazard[i], (four_at(&events_[i]) + worth * expected) / (four_at(&exposure_[i]) + worth));
  }
  for (std::size_t i = 0; i < kBins; ++i) sum_[i + 1] = sum_[i] + hazard[i];
}

void HazardTable::write(std::string& out, Exactness exactness) const {
  write_numbers(out, std::span(events_).first<kBins>(), exactness);
  write_numbers(out, std::span(exposure_).first<kBins>(), exactness);
}

bool HazardTable::read(std::istream& in) {
  return read_numbers(in, std::span(events_).first<kBins>()) && read_numbers(in, std::span(exposure_).first<kBins>());
}

}  // namespace mjwatchd

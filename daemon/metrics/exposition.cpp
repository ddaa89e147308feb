#include <prometheus/text_serializer.h>

#include <iterator>

#include "daemon/metrics/families.hpp"
#include "daemon/metrics/readings.hpp"

namespace mjwatchd::metrics {

std::string exposition(const Observations& observations, const Readings& readings) {
  auto all = families(readings);
  auto counted = observations.collect();
  all.insert(all.end(), std::make_move_iterator(counted.begin()), std::make_move_iterator(counted.end()));
  std::erase_if(all, [](const auto& family) { return family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace mjwatchd::metrics

// Families of metrics made of readings.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "daemon/metrics/readings.hpp"

namespace mjwatchd::metrics {

/// Pure. A gateway or an endpoint that is gone from the configuration is gone from here, too.
[[nodiscard]] std::vector<prometheus::MetricFamily> families(const Readings& readings);

}  // namespace mjwatchd::metrics

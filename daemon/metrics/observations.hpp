// What happens, counted as it happens, for Prometheus.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/change.hpp"
#include "mjwatchd/event.hpp"

namespace prometheus {
struct MetricFamily;
}

namespace mjwatchd::metrics {

using Seconds = std::chrono::duration<double>;

/// Counters and histograms of one run. The shell tells it what it did and how long that took; the core
/// knows nothing of it. Owned by the runtime; loop thread only.
///
/// Labels are names of the configuration and words of ours, never what others sent: the number of series is
/// bounded.
class Observations {
 public:
  Observations();
  ~Observations();
  Observations(const Observations&) = delete;
  Observations& operator=(const Observations&) = delete;

  /// Of the configuration: their series are there before anything happens.
  void expect_gateway(const std::string& gateway);
  void expect_endpoint(const std::string& endpoint);

  /// A call leaves. `room`: ids it could have had.
  void asking(const std::string& gateway, std::size_t ids, std::size_t room);
  void answered(const std::string& gateway, bool batch, FetchReply::Verdict verdict, Seconds took);
  /// `outcome`: "saved", "closed", "nonsense", "temporary", "disk".
  void downloaded(std::string_view outcome, std::uint64_t bytes, Seconds took);
  /// `endpoint`: a configured one, or "url" for all that were given with tasks.
  void attempted(const std::string& endpoint, const SendResult& result);
  /// From asking the store until its answer.
  void committed(CommitResult::Code code, Seconds took);
  void announced(EventType type);
  /// By how much the loop was late for a timer.
  void lagged(Seconds late);

  struct Attempts {
    std::uint64_t delivered = 0, failed = 0;
  };
  /// Of an endpoint as attempted() names it.
  [[nodiscard]] Attempts attempts(const std::string& endpoint) const;

  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mjwatchd::metrics

#include "daemon/metrics/observations.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <map>

#include "mjwatchd/names.hpp"

namespace mjwatchd::metrics {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// From what a healthy part needs to where somebody should look; about a factor of two to three apart.
const Buckets kCallTimes{.05, .1, .25, .5, 1, 2.5, 5, 10, 30};
const Buckets kFill{.02, .05, .1, .25, .5, .75, .9, 1};
const Buckets kDownloadTimes{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300};
const Buckets kAttemptTimes{.005, .025, .1, .25, .5, 1, 2.5, 5, 15, 30};
const Buckets kCommitTimes{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 15};
const Buckets kLags{.001, .005, .01, .025, .05, .1, .25, 1, 5, 15};

// Each in the order of its enumeration.
constexpr std::array kVerdicts{"answered",    "unknown_task", "refused",     "throttled", "rejected",
                               "unsupported", "failed",       "unavailable", "nonsense"};
constexpr std::array kCodes{"done", "existing", "conflict", "missing", "full", "failed"};

/// "2xx" … "5xx" of an answer, or why there was none.
std::string attempt_name(const SendResult& result) {
  if (result.fault != SendFault::none) return std::string(name(result.fault));
  return std::to_string(result.http_status / 100) + "xx";
}

prometheus::Family<prometheus::Counter>& counter(prometheus::Registry& in, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(in);
}
prometheus::Family<prometheus::Histogram>& histogram(prometheus::Registry& in, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(in);
}

}  // namespace

class Observations::Impl {
 public:
  struct Endpoint {
    std::map<std::string, prometheus::Counter*> results;  ///< by attempt_name()
    prometheus::Histogram* times = nullptr;
    Attempts tally;
  };

  prometheus::Registry registry;

  prometheus::Family<prometheus::Counter>& calls =
      counter(registry, "mjwatchd_gateway_calls_total", "Calls that ended, by what the gateway answered.");
  prometheus::Family<prometheus::Histogram>& call_times =
      histogram(registry, "mjwatchd_gateway_call_duration_seconds", "How long calls to a gateway took.");
  prometheus::Family<prometheus::Histogram>& fill = histogram(
      registry, "mjwatchd_gateway_batch_fill_ratio", "How full calls were: ids asked for by ids that had room.");
  prometheus::Family<prometheus::Counter>& downloads =
      counter(registry, "mjwatchd_downloads_total", "Downloads of pictures that ended, by result.");
  prometheus::Counter& download_bytes =
      counter(registry, "mjwatchd_download_bytes_total", "Bytes of the pictures that were saved.").Add({});
  prometheus::Histogram& download_times =
      histogram(registry, "mjwatchd_download_duration_seconds", "How long downloads took, verified and synced.")
          .Add({}, kDownloadTimes);
  prometheus::Family<prometheus::Counter>& attempts = counter(
      registry, "mjwatchd_delivery_attempts_total", "Attempts to deliver a webhook, by endpoint and what came back.");
  prometheus::Family<prometheus::Histogram>& attempt_times =
      histogram(registry, "mjwatchd_delivery_attempt_duration_seconds", "How long attempts to deliver took.");
  prometheus::Family<prometheus::Counter>& commit_family =
      counter(registry, "mjwatchd_commits_total", "Changes that the store answered, by its answer.");
  prometheus::Histogram& commit_times =
      histogram(registry, "mjwatchd_commit_duration_seconds", "From asking the store for a change until it is on disk.")
          .Add({}, kCommitTimes);
  prometheus::Family<prometheus::Counter>& event_family =
      counter(registry, "mjwatchd_events_total", "Events that were committed, by type.");
  prometheus::Histogram& lag =
      histogram(registry, "mjwatchd_loop_lag_seconds", "By how much the loop was late, looked at each second.")
          .Add({}, kLags);

  // There may be thousands of these in a second, so they are not sought by their labels each time.
  std::array<prometheus::Counter*, kCodes.size()> commits{};
  std::array<prometheus::Counter*, static_cast<std::size_t>(EventType::test) + 1> events{};
  std::map<std::string, Endpoint> endpoints;
};

// Series whose labels are known show from the start, with zero: a rate needs a first value, and what never failed
// can be told from what isn't counted.
Observations::Observations() : impl_(std::make_unique<Impl>()) {
  for (const char* outcome : {"saved", "closed", "nonsense", "temporary", "disk"}) {
    impl_->downloads.Add({{"result", outcome}});
  }
  for (std::size_t i = 0; i < impl_->commits.size(); ++i) {
    impl_->commits[i] = &impl_->commit_family.Add({{"result", kCodes.at(i)}});
  }
  for (std::size_t i = 0; i < impl_->events.size(); ++i) {
    impl_->events[i] = &impl_->event_family.Add({{"type", std::string(name(static_cast<EventType>(i)))}});
  }
}
Observations::~Observations() = default;

void Observations::expect_gateway(const std::string& gateway) {
  for (const char* verdict : kVerdicts) {
    for (const char* kind : {"batch", "single"}) {
      impl_->calls.Add({{"gateway", gateway}, {"kind", kind}, {"verdict", verdict}});
    }
  }
  impl_->call_times.Add({{"gateway", gateway}}, kCallTimes);
  impl_->fill.Add({{"gateway", gateway}}, kFill);
}

void Observations::expect_endpoint(const std::string& endpoint) {
  for (const char* result : {"2xx", "4xx", "5xx", "connect", "timeout"}) {
    impl_->attempts.Add({{"endpoint", endpoint}, {"result", result}});
  }
  impl_->attempt_times.Add({{"endpoint", endpoint}}, kAttemptTimes);
}

void Observations::asking(const std::string& gateway, std::size_t ids, std::size_t room) {
  if (room == 0) return;
  impl_->fill.Add({{"gateway", gateway}}, kFill).Observe(static_cast<double>(ids) / static_cast<double>(room));
}

void Observations::answered(const std::string& gateway, bool batch, FetchReply::Verdict verdict, Seconds took) {
  impl_->calls
      .Add({{"gateway", gateway},
            {"kind", batch ? "batch" : "single"},
            {"verdict", kVerdicts.at(static_cast<std::size_t>(verdict))}})
      .Increment();
  impl_->call_times.Add({{"gateway", gateway}}, kCallTimes).Observe(took.count());
}

void Observations::downloaded(std::string_view outcome, std::uint64_t bytes, Seconds took) {
  impl_->downloads.Add({{"result", std::string(outcome)}}).Increment();
  impl_->download_bytes.Increment(static_cast<double>(bytes));
  impl_->download_times.Observe(took.count());
}

void Observations::attempted(const std::string& endpoint, const SendResult& result) {
  auto& seen = impl_->endpoints[endpoint];
  const std::string came_back = attempt_name(result);
  auto& count = seen.results[came_back];
  if (count == nullptr) count = &impl_->attempts.Add({{"endpoint", endpoint}, {"result", came_back}});
  if (seen.times == nullptr) seen.times = &impl_->attempt_times.Add({{"endpoint", endpoint}}, kAttemptTimes);
  count->Increment();
  seen.times->Observe(Seconds(result.total).count());
  auto& tally = seen.tally;
  ++(result.http_status / 100 == 2 && result.fault == SendFault::none ? tally.delivered : tally.failed);
}

Observations::Attempts Observations::attempts(const std::string& endpoint) const {
  const auto found = impl_->endpoints.find(endpoint);
  return found == impl_->endpoints.end() ? Attempts{} : found->second.tally;
}

void Observations::committed(CommitResult::Code code, Seconds took) {
  impl_->commits.at(static_cast<std::size_t>(code))->Increment();
  impl_->commit_times.Observe(took.count());
}

void Observations::announced(EventType type) { impl_->events.at(static_cast<std::size_t>(type))->Increment(); }

void Observations::lagged(Seconds late) { impl_->lag.Observe(late.count()); }

std::vector<prometheus::MetricFamily> Observations::collect() const { return impl_->registry.Collect(); }

}  // namespace mjwatchd::metrics

// What the runtime tells Prometheus.
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/runtime_impl.hpp"

namespace mjwatchd {
namespace {

/// A store that hangs must not take the metrics with it, least of all those that tell of it.
constexpr std::chrono::seconds kPatience{2};

metrics::ProcessReading read_process() {
  metrics::ProcessReading out;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    out.cpu = metrics::Seconds(seconds(used.ru_utime) + seconds(used.ru_stime));
  }
  std::uint64_t size = 0, resident = 0;
  if (std::ifstream("/proc/self/statm") >> size >> resident) {
    out.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  std::error_code ignored;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", ignored); !ignored && it != decltype(it){};
       it.increment(ignored)) {
    ++out.open_files;
  }
  return out;
}

}  // namespace

void Runtime::Impl::metrics(std::function<void(std::string)> done) {
  stir();
  const auto patience = std::make_shared<asio::steady_timer>(io_, kPatience);
  patience->async_wait([this, patience, done](const std::error_code& cancelled) {
    if (!cancelled) done(metrics::exposition(observations_, readings(false)));
  });
  store_->counts([this, patience, done](const StoreCounts& counts) {
    if (!counts.unread) counts_ = counts;
    if (patience->cancel() > 0) done(metrics::exposition(observations_, readings(!counts.unread)));
  });
}

metrics::Readings Runtime::Impl::readings(bool store_answers) const {
  const auto present = now();
  const auto moment = std::chrono::steady_clock::now();
  metrics::Readings out;
  out.started_at = started_at_.time_since_epoch();
  out.ready = ready_;
  for (const auto& trouble : troubles()) out.troubles.push_back({trouble.part, trouble.ours});
  out.store_answers = store_answers;
  out.counts = counts_;
  if (const auto& room = images_->room()) out.pictures_free_bytes = room->free_bytes;
  out.store_limit_bytes = config_.store_max_size;
  out.sharing = store_->sharing();
  out.commits_waiting = commits_;
  out.oldest_commit = pulse_.oldest(Pulse::Part::commit, moment);
  if (counts_.oldest_pending) out.oldest_pending_delivery = present.wall - *counts_.oldest_pending;
  const auto unasked = watcher_->longest_unasked();
  for (const auto& gateway : gateways()) {
    metrics::GatewayReading reading{gateway.view, gateway.max_calls_per_minute, {}};
    // What was before this run was nobody's to ask.
    if (const auto found = unasked.find(gateway.view.name); found != unasked.end()) {
      reading.unasked = present.steady - std::max(found->second, Time{});
    }
    out.gateways.push_back(std::move(reading));
  }
  for (auto& endpoint : endpoints()) {
    if (endpoint.configured) out.endpoints.push_back(std::move(endpoint.receiver));
  }
  out.saves_in_flight = watcher_->saving();
  out.clients = control_ ? control_->connections() : 0;
  out.process = read_process();
  return out;
}

void Runtime::Impl::expect_series() {
  for (const auto& gateway : config_.gateways) observations_.expect_gateway(gateway.name);
  for (const auto& [name, endpoint] : config_.webhooks.endpoints) observations_.expect_endpoint(name);
}

}  // namespace mjwatchd

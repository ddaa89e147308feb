#include "daemon/metrics/families.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace mjwatchd::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Builder {
 public:
  /// Begins a family; what is added next belongs to it.
  Builder& gauge(std::string name, std::string help) {
    return begin(std::move(name), std::move(help), MetricType::Gauge);
  }
  Builder& counter(std::string name, std::string help) {
    return begin(std::move(name), std::move(help), MetricType::Counter);
  }
  Builder& add(double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    auto& family = out_.back();
    if (family.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family.metric.push_back(std::move(metric));
    return *this;
  }
  Builder& add(std::uint64_t value, Labels labels = {}) { return add(static_cast<double>(value), std::move(labels)); }
  /// One line for each of `all`, labelled with its name.
  template <typename All, typename Value>
  Builder& each(const char* label, const All& all, Value value) {
    for (const auto& one : all) add(static_cast<double>(value(one)), {{label, name_of(one)}});
    return *this;
  }
  /// How many of `all` are so, and how many are not.
  template <typename All, typename Is>
  Builder& split(const char* label, const All& all, Is is, const char* so, const char* not_so) {
    const auto count = static_cast<std::uint64_t>(std::count_if(all.begin(), all.end(), is));
    return add(count, {{label, so}}).add(all.size() - count, {{label, not_so}});
  }
  /// A family of the core's delays, a histogram a gateway.
  Builder& delays(std::string name, std::string help, const std::vector<GatewayReading>& all) {
    begin(std::move(name), std::move(help), MetricType::Histogram);
    for (const auto& one : all) {
      ClientMetric metric;
      metric.label = {{"gateway", name_of(one)}};
      const auto& delay = one.view.delay;
      metric.histogram.sample_count = delay.count;
      metric.histogram.sample_sum = delay.sum_s;
      for (std::size_t i = 0; i < delay.kBounds.size(); ++i) {
        metric.histogram.bucket.push_back({delay.at_most[i], delay.kBounds[i]});
      }
      metric.histogram.bucket.push_back({delay.count, std::numeric_limits<double>::infinity()});
      out_.back().metric.push_back(std::move(metric));
    }
    return *this;
  }
  std::vector<MetricFamily> take() { return std::move(out_); }

 private:
  static const std::string& name_of(const GatewayReading& gateway) { return gateway.view.name; }
  static const std::string& name_of(const ReceiverView& endpoint) { return endpoint.name; }
  Builder& begin(std::string name, std::string help, MetricType type) {
    out_.push_back({"mjwatchd_" + std::move(name), std::move(help), type, {}});
    return *this;
  }
  std::vector<MetricFamily> out_;
};

double seconds(const std::optional<Seconds>& age) { return age ? age->count() : 0.0; }

void daemon_itself(const Readings& from, Builder& to) {
  to.gauge("build_info", "1, labelled with the version.").add(1.0, {{"version", MJWATCHD_VERSION}});
  to.gauge("start_time_seconds", "When the daemon was started, since 1970.").add(from.started_at.count());
  to.gauge("ready", "1 when everything on disk was taken up.").add(from.ready ? 1.0 : 0.0);
  to.gauge("healthy", "1 while nothing of ours is stuck, as /healthz says.");
  bool healthy = true;
  for (const auto& trouble : from.troubles) healthy = healthy && !trouble.ours;
  to.add(healthy ? 1.0 : 0.0);
  to.gauge("troubles", "Parts in trouble, as /healthz (scope=\"ours\") and /readyz name them.");
  to.split(
      "scope", from.troubles, [](const auto& trouble) { return trouble.ours; }, "ours", "outside");
  to.gauge("clients", "Connections to the control API.").add(from.clients);
}

void tasks(const Readings& from, Builder& to) {
  const auto& counts = from.counts;
  to.gauge("tasks", "Tasks in the store, by phase.");
  to.add(counts.watching, {{"state", "watching"}}).add(counts.saving, {{"state", "saving"}});
  to.add(counts.late, {{"state", "late"}}).add(counts.done, {{"state", "done"}});
  to.gauge("saves_in_flight", "Tasks whose pictures wait or are being saved.").add(from.saves_in_flight);
}

void store(const Readings& from, Builder& to) {
  to.gauge("store_answers", "1 when the store answered this scrape; else its figures are the last it told.");
  to.add(from.store_answers ? 1.0 : 0.0);
  to.gauge("store_bytes", "Size of the database.").add(from.counts.bytes);
  to.gauge("store_limit_bytes", "watch.store_max_size.").add(from.store_limit_bytes);
  to.gauge("state_free_bytes", "Room left on the disk of state_dir.");
  if (from.counts.free_bytes) to.add(*from.counts.free_bytes);
  to.gauge("pictures_free_bytes", "Room left on the disk of the picture folder.");
  if (from.pictures_free_bytes) to.add(*from.pictures_free_bytes);
  to.gauge("commits_waiting", "Changes asked of the store that are not on disk yet.").add(from.commits_waiting);
  to.gauge("oldest_commit_age_seconds", "How long the first of them has waited.").add(seconds(from.oldest_commit));
}

void sharing(const store::Sharing& from, Builder& to) {
  to.gauge("list_daemons", "Daemons that share the watch list, and have their part of it or are new.");
  to.split(
      "state", from.members, [](const auto& one) { return !one.newcomer; }, "full", "new");
  to.gauge("list_tasks_held", "Tasks that are not done and are this daemon's to watch.").add(from.tasks);
  to.gauge("list_lease_seconds", "For how long they are surely its own, if it hears nothing more; 0: they are not.");
  to.add(Seconds(from.surely).count());
}

void deliveries(const Readings& from, Builder& to) {
  const auto& counts = from.counts;
  to.gauge("deliveries", "Webhooks that are not delivered, by state.");
  to.add(counts.pending, {{"state", "pending"}}).add(counts.held, {{"state", "held"}});
  to.add(counts.dead, {{"state", "dead"}});
  to.gauge("oldest_pending_delivery_age_seconds", "Since when the oldest pending webhook has been on its way.");
  to.add(seconds(from.oldest_pending_delivery));
  const auto& all = from.endpoints;
  to.gauge("endpoint_up", "1 while an endpoint is enabled and its breaker is closed.");
  to.each("endpoint", all, [](const auto& one) { return !one.disabled && one.breaker == "closed" ? 1 : 0; });
  to.gauge("endpoint_pending_deliveries", "Webhooks that wait for an endpoint.");
  to.each("endpoint", all, [](const auto& one) { return one.pending; });
  to.gauge("endpoint_held_deliveries", "Webhooks that are held until someone acts.");
  to.each("endpoint", all, [](const auto& one) { return one.held; });
  to.gauge("endpoint_deliveries_in_flight", "Attempts that are under way.");
  to.each("endpoint", all, [](const auto& one) { return one.in_flight; });
  to.gauge("endpoint_failures_in_row", "Failed attempts since the last success.");
  to.each("endpoint", all, [](const auto& one) { return one.failures_in_row; });
}

void gateways(const Readings& from, Builder& to) {
  const auto& all = from.gateways;
  to.gauge("gateway_up", "1 while a gateway answers; 0 when it refuses, throttles or fails.");
  to.each("gateway", all, [](const auto& one) { return one.view.state == "up" ? 1 : 0; });
  to.gauge("gateway_tasks", "Live tasks.");
  to.each("gateway", all, [](const auto& one) { return one.view.live; });
  to.gauge("gateway_calls_in_flight", "Calls that are under way.");
  to.each("gateway", all, [](const auto& one) { return one.view.in_flight; });
  to.gauge("gateway_budget_calls", "Calls that may be made at once.");
  to.each("gateway", all, [](const auto& one) { return one.view.budget_left; });
  to.gauge("gateway_budget_limit_per_minute", "max_calls_per_minute.");
  to.each("gateway", all, [](const auto& one) { return one.max_calls_per_minute; });
  to.gauge("gateway_oldest_unasked_task_age_seconds", "Since when the live task seen longest ago was not seen.");
  to.each("gateway", all, [](const auto& one) { return seconds(one.unasked); });
  to.counter("gateway_ids_asked_total", "Ids asked for.");
  to.each("gateway", all, [](const auto& one) { return one.view.ids_asked; });
  to.counter("gateway_ends_noticed_total", "Tasks that were seen to have ended.");
  to.each("gateway", all, [](const auto& one) { return one.view.noticed; });
  to.delays("detection_delay_seconds", "From a task's end, as the gateway tells it, until it was noticed.", all);
  to.gauge("gateway_clock_ahead_seconds", "By how much a gateway's clock is ahead of ours, once that is known.");
  for (const auto& one : all) {
    if (one.view.clock_ahead) to.add(Seconds(*one.view.clock_ahead).count(), {{"gateway", one.view.name}});
  }
}

void process(const Readings& from, Builder& to) {
  to.counter("process_cpu_seconds_total", "Processor time used.").add(from.process.cpu.count());
  to.gauge("process_resident_memory_bytes", "Memory in use.").add(from.process.resident_bytes);
  to.gauge("process_open_fds", "Open files and sockets.").add(from.process.open_files);
}

}  // namespace

std::vector<MetricFamily> families(const Readings& readings) {
  Builder out;
  daemon_itself(readings, out);
  tasks(readings, out);
  store(readings, out);
  if (readings.sharing) sharing(*readings.sharing, out);
  deliveries(readings, out);
  gateways(readings, out);
  process(readings, out);
  return out.take();
}

}  // namespace mjwatchd::metrics

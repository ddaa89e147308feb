#include "daemon/control/views.hpp"

namespace mjwatchd::control {

std::string show_gateways(const std::vector<GatewayStatus>& gateways, const std::string& standard) {
  JsonText out;
  out.object().key("gateways").array();
  for (const auto& gateway : gateways) {
    const auto& view = gateway.view;
    out.object().text("name", view.name).word("url", shown_url(gateway.url)).truth("default", view.name == standard);
    out.truth("configured", view.configured).text("state", view.state).word("last_error", view.last_error);
    out.count("live", view.live).count("in_flight", view.in_flight);
    out.count("calls", view.calls).count("failed_calls", view.failed_calls);
    out.count("ids_asked", view.ids_asked).count("noticed", view.noticed);
    out.truth("batches", view.batches).count("batch", gateway.batch).key("batch_fill");
    view.batch_fill ? out.real(*view.batch_fill) : out.null();  // 1: every call was full
    out.key("clock_ahead_s");
    view.clock_ahead ? out.real(std::chrono::duration<double>(*view.clock_ahead).count()) : out.null();
    out.key("detection_delay").object().count("count", view.delay.count).real("mean_s", view.delay.mean_s());
    out.real("p50_s", view.delay.p50_s).real("p95_s", view.delay.p95_s).end_object().key("budget").object();
    out.real("left", view.budget_left).count("max_calls_per_minute", gateway.max_calls_per_minute).end_object();
    out.key("expects").array();  // from submission to end, as the schedule has learned it
    for (const Belief& belief : view.beliefs) {
      out.object().text("action", belief.action).real("median_s", belief.median_s).real("p90_s", belief.p90_s);
      out.end_object();
    }
    out.end_array().end_object();
  }
  return out.end_array().end_object().take();
}

std::string show_history(const page::History& history) {
  JsonText out;
  out.object().number("step_s", std::chrono::seconds(page::History::kStep).count()).key("gateways").array();
  for (const auto& [name, minutes] : history.gateways()) {
    // Columns, for a day has 1440 minutes.
    const auto column = [&out, &all = minutes](const char* key, const auto& write) {
      out.key(key).array();
      for (const auto& minute : all) write(minute);
      out.end_array();
    };
    out.object().text("name", name);
    column("at", [&](const page::Minute& minute) { out.number(minute.at.time_since_epoch().count()); });
    column("calls", [&](const page::Minute& minute) { out.count(minute.calls); });
    column("failed_calls", [&](const page::Minute& minute) { out.count(minute.failed_calls); });
    column("ends", [&](const page::Minute& minute) { out.count(minute.ends); });
    column("delay_mean_s",
           [&](const page::Minute& minute) { minute.ends ? out.real(minute.delay_mean_s) : out.null(); });
    column("delay_p95_s", [&](const page::Minute& minute) { minute.ends ? out.real(minute.delay_p95_s) : out.null(); });
    out.end_object();
  }
  return out.end_array().end_object().take();
}

std::string show_troubles(const std::vector<Trouble>& troubles) {
  JsonText out;
  out.array();
  for (const auto& trouble : troubles) {
    out.object().text("part", trouble.part).text("text", trouble.text).truth("ours", trouble.ours).end_object();
  }
  return out.end_array().take();
}

namespace {

void show_sharing(const store::Sharing& sharing, WallTime now, JsonText& out) {
  out.key("sharing").object().key("daemons").array();
  for (const auto& one : sharing.members) {
    out.object().number("number", one.number).text("host", one.host).truth("self", one.self);
    out.truth("newcomer", one.newcomer).time("heartbeat_at", now - one.silent).end_object();
  }
  out.end_array().count("tasks", sharing.tasks).key("lease").object();
  const bool valid = sharing.surely > milliseconds(0);
  out.truth("valid", valid).time("until", valid ? std::optional(now + sharing.surely) : std::nullopt);
  out.end_object().end_object();
}

}  // namespace

std::string show_status(const StatusView& status, const ClientCounts& clients) {
  const auto& counts = status.counts;
  JsonText out;
  out.object().text("version", MJWATCHD_VERSION).time("started_at", status.started_at).time("now", status.now);
  out.number("uptime_s", std::chrono::floor<std::chrono::seconds>(status.now - status.started_at).count());
  out.truth("ready", status.ready).truth("stopping", status.stopping);
  out.key("tasks").object().count("watching", counts.watching).count("saving", counts.saving);
  out.count("late", counts.late).count("done", counts.done).end_object();
  out.key("deliveries").object().count("pending", counts.pending).count("held", counts.held);
  out.count("dead", counts.dead).count("sending", status.sending).end_object();
  out.key("store").object().count("bytes", counts.bytes).end_object();
  if (status.sharing) show_sharing(*status.sharing, status.now, out);
  out.key("clients").object().count("connections", clients.connections).count("streams", clients.streams);
  out.count("waiting", clients.waiting).end_object();
  out.key("troubles").json(show_troubles(status.troubles), "[]");
  out.key("configuration").object().text("file", status.configuration).key("refused");
  if (status.refusal) {
    out.object().time("at", status.refusal->at).key("mistakes").array();
    for (const auto& mistake : status.refusal->mistakes) out.text(mistake);
    out.end_array().end_object();
  } else {
    out.null();
  }
  out.end_object();
  return out.end_object().take();
}

}  // namespace mjwatchd::control

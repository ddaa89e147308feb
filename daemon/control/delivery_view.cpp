#include <algorithm>

#include "daemon/control/views.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

void write_attempt(JsonText& out, const AttemptView& attempt) {
  const auto& result = attempt.result;
  out.object().count("number", attempt.number).time("started_at", result.started_at).key("http_status");
  if (result.http_status == 0) {
    out.null();
  } else {
    out.number(result.http_status);
  }
  out.word("fault", name(result.fault)).word("detail", result.detail).key("retry_after_ms");
  if (result.retry_after) {
    out.number(result.retry_after->count());
  } else {
    out.null();
  }
  out.key("timings_ms").object();
  for (const auto& [phase, time] :
       {std::pair{"dns", result.dns}, std::pair{"connect", result.connect}, std::pair{"tls", result.tls},
        std::pair{"first_byte", result.first_byte}, std::pair{"total", result.total}}) {
    out.number(phase, time.count());
  }
  out.end_object().word("answer", result.answer).end_object();
}

/// One word for how a receiver is doing.
std::string_view state_of(const EndpointView& endpoint) {
  if (endpoint.receiver.disabled) return "disabled";
  if (!endpoint.configured && !endpoint.name.starts_with("url:")) return "gone";  // from the configuration
  if (endpoint.receiver.breaker == "open") return "failing";
  if (endpoint.receiver.breaker == "probing") return "probing";
  return "up";
}

}  // namespace

std::string shown_url(const std::string& url) {
  const auto authority = url.find("://");
  if (authority == std::string::npos) return {};
  const auto end = std::min(url.find_first_of("?#"), url.size());
  const auto path = std::min(url.find_first_of("/?#", authority + 3), end);
  const auto at = url.substr(0, path).rfind('@');
  const auto host = at == std::string::npos ? authority + 3 : at + 1;
  return url.substr(0, authority + 3) + url.substr(host, end - host);
}

void write_delivery(JsonText& out, const DeliveryView& delivery, bool whole) {
  const auto& record = delivery.record;
  out.object().number("id", record.no).text("state", name(record.state)).text("type", name(record.type));
  out.word("task", delivery.key.id).word("gateway", delivery.key.gateway).count("sequence", record.sequence);
  out.text("endpoint", record.receiver.name).word("url", shown_url(delivery.url));
  out.text("webhook_id", delivery.webhook_id).number("event", record.event).count("attempts_made", record.attempts);
  out.key("due");
  if (record.state == DeliveryState::pending) {
    out.time(record.due);
  } else {
    out.null();
  }
  out.word("reason", delivery.reason).time("created_at", delivery.created_at);
  if (whole) {
    out.key("attempts").array();
    for (const auto& attempt : delivery.attempts) write_attempt(out, attempt);
    out.end_array();
  }
  out.end_object();
}

std::string show_delivery(const DeliveryView& delivery) {
  JsonText out;
  write_delivery(out, delivery, true);
  return out.take();
}

std::string show_deliveries(const std::vector<DeliveryView>& deliveries, std::size_t limit) {
  JsonText out;
  out.object().key("deliveries").array();
  for (const auto& delivery : deliveries) write_delivery(out, delivery, false);
  const bool more = !deliveries.empty() && deliveries.size() >= limit;
  out.end_array().word("next_cursor", more ? std::to_string(deliveries.back().record.no) : std::string());
  return out.end_object().take();
}

std::string show_endpoints(const std::vector<EndpointView>& endpoints) {
  JsonText out;
  out.object().key("endpoints").array();
  for (const auto& endpoint : endpoints) {
    const auto& receiver = endpoint.receiver;
    out.object().text("name", endpoint.name).word("url", shown_url(endpoint.url)).text("state", state_of(endpoint));
    out.word("format", endpoint.format).truth("configured", endpoint.configured).word("group", receiver.group);
    out.count("pending", receiver.pending).count("in_flight", receiver.in_flight).count("held", receiver.held);
    out.word("breaker", receiver.breaker).count("failures_in_row", receiver.failures_in_row);
    out.key("attempts").object().count("delivered", endpoint.delivered).count("failed", endpoint.failed).end_object();
    out.time("last_success", receiver.last_success).time("first_failure", receiver.first_failure).end_object();
  }
  return out.end_array().end_object().take();
}

}  // namespace mjwatchd::control

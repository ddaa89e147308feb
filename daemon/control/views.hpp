// How the control API shows tasks, deliveries, gateways, endpoints and the daemon, as JSON. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/control/desk.hpp"
#include "daemon/control/json_text.hpp"

namespace mjwatchd::control {

/// True when the task's end has been announced: nothing more will be said of it but late pictures.
[[nodiscard]] bool has_ended(const TaskView& task);

/// Times are ISO 8601 in UTC; what is not known is null.
/// `brief` leaves most of the gateway's object out: for lists of many.
void write_task(JsonText& out, const TaskView& task, bool brief = false);
[[nodiscard]] std::string show_task(const TaskView& task);
/// A task as it was just registered, before anything else is known of it.
[[nodiscard]] TaskView fresh_view(const TaskRecord& record, const Registration& registration);
/// `next` is the cursor of the next page; 0: there is none, next_cursor is null.
[[nodiscard]] std::string show_tasks(const std::vector<TaskView>& tasks, TaskNo next, bool brief);

/// One delivery; with its attempts when `whole`.
void write_delivery(JsonText& out, const DeliveryView& delivery, bool whole);
[[nodiscard]] std::string show_delivery(const DeliveryView& delivery);
[[nodiscard]] std::string show_deliveries(const std::vector<DeliveryView>& deliveries, std::size_t limit);

[[nodiscard]] std::string show_endpoints(const std::vector<EndpointView>& endpoints);
[[nodiscard]] std::string show_gateways(const std::vector<GatewayStatus>& gateways, const std::string& standard);

[[nodiscard]] std::string show_history(const page::History& history);

/// Clients that are connected, of them streaming and waiting.
struct ClientCounts {
  std::size_t connections = 0, streams = 0, waiting = 0;
};
[[nodiscard]] std::string show_status(const StatusView& status, const ClientCounts& clients);
/// An array of {"part","text","ours"}.
[[nodiscard]] std::string show_troubles(const std::vector<Trouble>& troubles);

/// A URL without user info, query and fragment: those may hold secrets.
[[nodiscard]] std::string shown_url(const std::string& url);

}  // namespace mjwatchd::control

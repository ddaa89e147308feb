// events: what happens to tasks, as it happens or as it did.
#include <algorithm>
#include <iostream>

#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"

namespace mjwatchd::client {

namespace {

constexpr std::size_t kLongestLine = 4U << 20;

std::string one_line(const rapidjson::Value& event) {
  const auto& data = member(event, "data");
  return text(event, "timestamp") + "  " + text(event, "type") + "  " + text(data, "gateway") + "/" + text(data, "id") +
         "  " + text(data, "status");
}

}  // namespace

Exit events(Session& session, const EventsOrder& order) {
  std::string types;
  for (const auto& type : order.types) types += (types.empty() ? "" : ",") + type;
  Call call{.path = "/v1/events" + query({{"task", order.task}, {"gateway", order.gateway}, {"type", types}}),
            .headers = {"Accept: application/x-ndjson"},
            .timeout_ms = order.follow ? 0 : 2000};
  // Without --follow: what is kept, until the stream has nothing more at hand.
  if (!order.follow || !order.since.empty())
    call.headers.push_back("Last-Event-ID: " + (order.since.empty() ? "0" : order.since));
  std::string pending;
  call.on_piece = [&](std::string_view piece) {
    pending += piece;
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const auto line = pending.substr(0, end);
      pending.erase(0, end + 1);
      if (line.empty() || line.front() != '{') continue;
      print((session.json ? line : harmless(one_line(parse_json(line)))) + "\n");
    }
    return pending.size() < kLongestLine;
  };
  try {
    session.daemon.need(call);
  } catch (const Trouble& trouble) {
    if (order.follow || trouble.code() != Exit::time_up) throw;
  }
  return Exit::done;
}

}  // namespace mjwatchd::client

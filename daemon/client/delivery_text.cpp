#include "daemon/client/delivery_text.hpp"

#include <algorithm>

#include "daemon/client/json.hpp"
#include "daemon/client/table.hpp"

namespace mjwatchd::client {
namespace {

std::string facts(const rapidjson::Value& delivery, const Terminal& terminal) {
  Table table({"DELIVERY", text(delivery, "id")});
  for (const char* key : {"state", "reason", "type", "task", "gateway", "sequence", "endpoint", "url", "webhook_id",
                          "created_at", "due", "attempts_made"}) {
    if (const auto value = text(delivery, key); !value.empty()) table.add({key, value});
  }
  return table.print(terminal);
}

/// The status, or what kept one from coming.
std::string outcome(const rapidjson::Value& attempt) {
  const auto status = text(attempt, "http_status");
  return status.empty() ? text(attempt, "fault") : status;
}

std::string attempts(const rapidjson::Value& list, const Terminal& terminal) {
  Table table({"ATTEMPT", "AT", "ANSWER", "DNS", "CONNECT", "TLS", "FIRST BYTE", "TOTAL", "RETRY AFTER", "DETAIL"});
  for (const auto& attempt : list.GetArray()) {
    const auto& took = member(attempt, "timings_ms");
    const auto ms = [](const std::string& number) { return number.empty() ? number : number + "ms"; };
    table.add({text(attempt, "number"), text(attempt, "started_at"), outcome(attempt), ms(text(took, "dns")),
               ms(text(took, "connect")), ms(text(took, "tls")), ms(text(took, "first_byte")), ms(text(took, "total")),
               ms(text(attempt, "retry_after_ms")), text(attempt, "detail")});
  }
  return table.print(terminal);
}

/// Line by line, so that a page of HTML can still be read.
std::string answer(const rapidjson::Value& attempt) {
  std::string whole = text(attempt, "answer");
  if (whole.empty()) return {};
  std::string out = "\nThe answer to attempt " + text(attempt, "number") + ":\n";
  for (std::size_t at = 0; at < whole.size();) {
    const auto end = std::min(whole.find('\n', at), whole.size());
    out += "  " + harmless(std::string_view(whole).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string describe_delivery(const rapidjson::Value& delivery, const Terminal& terminal) {
  std::string out = facts(delivery, terminal);
  const auto& list = member(delivery, "attempts");
  if (!list.IsArray() || list.Empty()) return out + "\nIt was not tried yet.\n";
  out += "\n" + attempts(list, terminal);
  for (const auto& attempt : list.GetArray()) out += answer(attempt);
  return out;
}

}  // namespace mjwatchd::client

// deliveries, replay, endpoints, status.
#include <algorithm>
#include <iostream>

#include "daemon/client/commands.hpp"
#include "daemon/client/delivery_text.hpp"
#include "daemon/client/json.hpp"
#include "daemon/client/table.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::client {

namespace {

/// Nested objects as "a.b  value" lines, for people.
// What a wish that was granted has for a consequence.
std::string consequence(const std::string& action, const std::string& name) {
  if (action == "test") {
    return name + ": a test is on its way; how it went: mjwatch deliveries --endpoint " + name;
  }
  if (action == "disable")
    return name + " is disabled, what is for it is held; again: mjwatch endpoints enable " + name;
  return name + " is enabled, what was held is sent";
}

// Sentences, which a table would cut.
std::string describe_troubles(const rapidjson::Value& status) {
  std::string out;
  const auto& troubles = member(status, "troubles");
  if (troubles.IsArray()) {
    for (const auto& one : troubles.GetArray()) {
      out += "In trouble: " + harmless(text(one, "part") + ": " + text(one, "text")) + "\n";
    }
  }
  const auto& refused = member(member(status, "configuration"), "refused");
  const auto& mistakes = member(refused, "mistakes");
  if (!mistakes.IsArray()) return out;
  out += "The reload of " + text(refused, "at") + " was refused, what was in force before still is:\n";
  for (const auto& one : mistakes.GetArray()) out += "  " + harmless(text(one)) + "\n";
  return out;
}

// Daemons that share the watch list, if there are such.
std::string list_daemons(const rapidjson::Value& status, const Terminal& terminal) {
  const auto& daemons = member(member(status, "sharing"), "daemons");
  if (!daemons.IsArray()) return {};
  Table table({"DAEMON", "HOST", "PART", "LAST HEARTBEAT"});
  for (const auto& one : daemons.GetArray()) {
    const bool self = text(one, "self") == "true", newcomer = text(one, "newcomer") == "true";
    table.add({text(one, "number"), text(one, "host") + (self ? " (this one)" : ""), newcomer ? "new" : "full",
               text(one, "heartbeat_at")});
  }
  return "\n" + table.print(terminal);
}

void flatten(const rapidjson::Value& value, const std::string& name, Table& table) {
  if (name == "troubles" || name == "configuration.refused" || name == "sharing.daemons") return;
  if (value.IsObject()) {
    for (const auto& one : value.GetObject()) {
      flatten(one.value, (name.empty() ? "" : name + ".") + one.name.GetString(), table);
    }
    return;
  }
  table.add({name, value.IsArray() ? dump(value) : text(value)});
}

}  // namespace

Exit deliveries(Session& session, const DeliveriesOrder& order) {
  if (!order.id.empty()) {
    const auto one = parse_json(session.daemon.need(Call{.path = "/v1/deliveries/" + percent_encoded(order.id)}).body);
    print(session.json ? dump(one) + "\n" : describe_delivery(one, session.terminal));
    return Exit::done;
  }
  Table table({"ID", "STATE", "TYPE", "TASK", "ENDPOINT", "ATTEMPTS", "DUE", "REASON"});
  std::string cursor;
  std::size_t shown = 0;
  do {
    const auto most = order.all ? 1000 : std::min<std::size_t>(order.limit - shown, 1000);
    const auto path = "/v1/deliveries" + query({{"state", order.state},
                                                {"endpoint", order.endpoint},
                                                {"task", order.task},
                                                {"limit", std::to_string(most)},
                                                {"cursor", cursor}});
    const auto page = parse_json(session.daemon.need(Call{.path = path}).body);
    const auto& rows = member(page, "deliveries");
    if (!rows.IsArray()) throw Trouble(Exit::error, "the daemon's answer has no \"deliveries\"");
    for (const auto& row : rows.GetArray()) {
      ++shown;
      if (session.json) {
        print(dump(row) + "\n");
        continue;
      }
      table.add({text(row, "id"), text(row, "state"), text(row, "type"), text(row, "task"), text(row, "endpoint"),
                 text(row, "attempts_made"), text(row, "state") == "pending" ? text(row, "due") : "",
                 text(row, "reason")});
    }
    cursor = rows.Empty() ? "" : text(page, "next_cursor");
  } while (!cursor.empty() && (order.all || shown < order.limit));
  if (session.json) return Exit::done;
  print(table.empty() ? "No deliveries.\n" : table.print(session.terminal));
  if (!cursor.empty()) std::cerr << "There are more: --all, or --limit N.\n";
  return Exit::done;
}

Exit replay(Session& session, const ReplayOrder& order) {
  if (order.ids.empty() && order.endpoint.empty() && order.state.empty() && order.since.empty() &&
      order.until.empty()) {
    throw Trouble(Exit::usage, "replay: name deliveries, or which ones by --endpoint, --state, --since, --until");
  }
  for (const auto& id : order.ids) {
    const auto path = "/v1/deliveries/" + percent_encoded(id) + "/replay";
    const auto answer = session.daemon.need(Call{.method = "POST", .path = path, .body = "{}"});
    print(session.json ? dump(parse_json(answer.body)) + "\n" : id + " is sent again\n");
  }
  if (!order.ids.empty()) return Exit::done;
  std::string body = "{";
  const auto put = [&body](const char* key, const std::string& value) {
    if (!value.empty()) body += (body.size() > 1 ? ",\"" : "\"") + std::string(key) + "\":" + json_text(value);
  };
  put("endpoint", order.endpoint);
  put("state", order.state);
  put("since", order.since);
  put("until", order.until);
  const auto answer = session.daemon.need(Call{.method = "POST", .path = "/v1/deliveries/replay", .body = body + "}"});
  const auto told = parse_json(answer.body);
  if (session.json) {
    print(dump(told) + "\n");
    return Exit::done;
  }
  const auto held = text(told, "held");
  if (text(told, "replayed") == "0" && held == "0") {
    print("None is such: mjwatch deliveries lists them\n");
    return Exit::done;
  }
  print(text(told, "replayed") + " are sent again" +
        (held == "0" ? "" : ", " + held + " wait for their endpoint: mjwatch endpoints enable NAME") + "\n");
  return Exit::done;
}

Exit endpoints(Session& session, const std::string& action, const std::string& name) {
  if (!action.empty()) {
    if (name.empty()) throw Trouble(Exit::usage, "endpoints " + action + ": name the endpoint");
    const auto path = "/v1/endpoints/" + percent_encoded(name) + "/" + action;
    const auto answer = session.daemon.need(Call{.method = "POST", .path = path, .body = "{}"});
    print((session.json ? dump(parse_json(answer.body)) : consequence(action, name)) + "\n");
    return Exit::done;
  }
  const auto answer = parse_json(session.daemon.need(Call{.path = "/v1/endpoints"}).body);
  const auto& those = member(answer, "endpoints");
  if (!those.IsArray()) throw Trouble(Exit::error, "the daemon's answer has no \"endpoints\"");
  Table table({"NAME", "URL", "STATE", "FORMAT", "PENDING", "HELD"});
  for (const auto& one : those.GetArray()) {
    if (session.json) {
      print(dump(one) + "\n");
      continue;
    }
    table.add({text(one, "name"), text(one, "url"), text(one, "state"), text(one, "format"), text(one, "pending"),
               text(one, "held")});
  }
  if (session.json) return Exit::done;
  print(table.empty() ? "No endpoints.\n" : table.print(session.terminal));
  return Exit::done;
}

namespace {

// For those who look at exit codes: health checks of containers, scripts. Patient as long as the daemon needs to
// find out that its store hangs.
Exit judge(Session& session, const char* path) {
  const auto answer = session.daemon.call(Call{.path = path, .timeout_ms = 8000});
  if (session.json) {
    print(dump(parse_json(answer.body)) + "\n");
    return answer.good() ? Exit::done : Exit::error;
  }
  if (!answer.good()) throw Trouble(Exit::error, problem_text(answer));
  print("ok\n");
  return Exit::done;
}

}  // namespace

Exit status(Session& session, const StatusOrder& order) {
  if (order.check || order.ready) return judge(session, order.ready ? "/readyz" : "/healthz");
  const auto answer = parse_json(session.daemon.need(Call{.path = "/v1/status"}).body);
  if (session.json) {
    print(dump(answer) + "\n");
    return Exit::done;
  }
  Table table({"WHAT", "VALUE"});
  flatten(answer, "", table);
  print(table.print(session.terminal) + list_daemons(answer, session.terminal) + describe_troubles(answer));
  return Exit::done;
}

}  // namespace mjwatchd::client

// add, list, show, rm, refresh.
#include <algorithm>
#include <fstream>
#include <iostream>

#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"
#include "daemon/client/table.hpp"

namespace mjwatchd::client {

namespace {

constexpr std::size_t kIdsInOneCall = 1000;  // far under the 1 MiB that a body may have

std::string read_secret(const std::string& file) {
  std::ifstream in(file);
  std::string secret;
  if (!in || !std::getline(in, secret)) throw Trouble(Exit::error, file + ": cannot be read, or is empty");
  while (!secret.empty() && (secret.back() == '\r' || secret.back() == ' ')) secret.pop_back();
  return secret;
}

/// {"k":"v"} of K=V pairs; a value that is JSON (a number, true, an object) is taken as that.
std::string metadata_of(const std::vector<std::string>& pairs) {
  std::string out = "{";
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Trouble(Exit::usage, "--meta " + pair + ": write it as KEY=VALUE");
    const auto value = pair.substr(equals + 1);
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(value.data(), value.size());
    out += (out.size() > 1 ? "," : "") + json_text(pair.substr(0, equals)) + ":";
    out += document.HasParseError() || document.IsString() ? json_text(value) : dump(document);
  }
  return out + "}";
}

std::string webhooks_of(const AddOrder& order) {
  std::string out = "[";
  for (const auto& webhook : order.webhooks) {
    if (out.size() > 1) out += ',';
    if (webhook.find("://") == std::string::npos) {
      out += json_text(webhook);
      continue;
    }
    if (order.secret_file.empty()) {
      throw Trouble(Exit::usage, "--webhook " + webhook + ": a URL needs --secret-file with the secret to sign with");
    }
    out += R"({"url":)" + json_text(webhook) + R"(,"secret":)" + json_text(read_secret(order.secret_file)) + "}";
  }
  return out + "]";
}

/// A line of a file is an id, or a registration as JSON.
std::string as_registration(const std::string& line, const AddOrder& order) {
  if (line.front() == '{') return line;
  auto body = registration_body(order, nullptr);
  body.pop_back();
  return body + (body.size() > 1 ? "," : "") + R"("id":)" + json_text(line) + "}";
}

struct Tally {
  std::uint64_t accepted = 0, existing = 0;
  std::vector<std::pair<std::string, std::string>> rejected;

  void take(const rapidjson::Value& answer) {
    const auto count = [&](const char* key) {
      const auto& value = member(answer, key);
      return value.IsUint64() ? value.GetUint64() : 0;
    };
    accepted += count("accepted");
    existing += count("existing");
    const auto& those = member(answer, "rejected");
    if (!those.IsArray()) return;
    for (const auto& one : those.GetArray()) rejected.emplace_back(text(one, "id"), text(one, "reason"));
  }
};

void add_from(Session& session, const AddOrder& order, Tally& tally) {
  std::ifstream file;
  if (order.from != "-") {
    file.open(order.from);
    if (!file) throw Trouble(Exit::error, order.from + ": cannot be read");
  }
  std::istream& in = order.from == "-" ? std::cin : file;
  // In pieces well below the 64 MiB that one stream of registrations may have.
  constexpr std::size_t kPiece = 8U << 20;
  Call call{.method = "POST", .path = "/v1/tasks", .content_type = "application/x-ndjson", .timeout_ms = 600000};
  const auto send = [&] {
    if (!call.body.empty()) tally.take(parse_json(session.daemon.need(call).body));
    call.body.clear();
  };
  std::string line;
  while (std::getline(in, line)) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos) continue;
    const auto last = line.find_last_not_of(" \t\r");
    call.body += as_registration(line.substr(first, last - first + 1), order) + "\n";
    if (call.body.size() > kPiece) send();
  }
  send();
}

void add_ids(Session& session, const AddOrder& order, Tally& tally) {
  for (std::size_t at = 0; at < order.ids.size(); at += kIdsInOneCall) {
    const auto end = std::min(order.ids.size(), at + kIdsInOneCall);
    const std::vector<std::string> some(order.ids.begin() + static_cast<std::ptrdiff_t>(at),
                                        order.ids.begin() + static_cast<std::ptrdiff_t>(end));
    const Call call{.method = "POST", .path = "/v1/tasks", .body = registration_body(order, &some)};
    tally.take(parse_json(session.daemon.need(call).body));
  }
}

std::string state_of(const rapidjson::Value& task) {
  const auto ending = text(task, "ending");
  if (!ending.empty() && ending != "none") return ending;
  const auto phase = text(task, "phase");
  return phase == "saving" ? phase : text(task, "status");
}

std::string percent(const rapidjson::Value& task) {
  const auto progress = text(task, "progress");
  return progress.empty() || progress.ends_with('%') ? progress : progress + "%";
}

std::string pictures_of(const rapidjson::Value& task) {
  const auto& images = member(task, "images");
  if (images.IsArray() && !images.Empty()) {
    const auto more = images.Size() > 1 ? " (+" + std::to_string(images.Size() - 1) + ")" : "";
    return text(images[0], "path") + more;
  }
  return text(task, "image_error");
}

}  // namespace

std::string registration_body(const AddOrder& order, const std::vector<std::string>* ids) {
  std::string out = "{";
  const auto put = [&out](const char* key, const std::string& json) {
    out += (out.size() > 1 ? ",\"" : "\"") + std::string(key) + "\":" + json;
  };
  if (ids != nullptr) put("ids", json_texts(*ids));
  if (!order.gateway.empty()) put("gateway", json_text(order.gateway));
  if (order.no_webhooks) put("webhooks", "[]");
  if (!order.webhooks.empty()) put("webhooks", webhooks_of(order));
  if (!order.events.empty()) put("events", json_texts(order.events));
  if (!order.meta.empty()) put("metadata", metadata_of(order.meta));
  if (!order.save.empty()) put("save", json_text(order.save));
  if (!order.action.empty()) put("action", json_text(order.action));
  return out + "}";
}

Exit add(Session& session, const AddOrder& order) {
  if (order.ids.empty() && order.from.empty()) throw Trouble(Exit::usage, "add: name a task, or --from FILE");
  Tally tally;
  add_ids(session, order, tally);
  if (!order.from.empty()) add_from(session, order, tally);
  if (session.json) {
    std::string rejected;
    for (const auto& [id, reason] : tally.rejected) {
      rejected +=
          (rejected.empty() ? "" : ",") + (R"({"id":)" + json_text(id)) + R"(,"reason":)" + json_text(reason) + "}";
    }
    print(R"({"accepted":)" + std::to_string(tally.accepted) + R"(,"existing":)" + std::to_string(tally.existing) +
          R"(,"rejected":[)" + rejected + "]}\n");
  } else {
    print(std::to_string(tally.accepted) + " added, " + std::to_string(tally.existing) + " known already\n");
    for (const auto& [id, reason] : tally.rejected) std::cerr << harmless(id) << ": " << harmless(reason) << "\n";
  }
  return tally.rejected.empty() ? Exit::done : Exit::error;
}

Exit list(Session& session, const ListOrder& order) {
  Table table({"ID", "GATEWAY", "ACTION", "STATE", "PROGRESS", "PICTURE"});
  std::string cursor;
  std::size_t shown = 0;
  do {
    const auto most = order.all ? 1000 : std::min<std::size_t>(order.limit - shown, 1000);
    const auto path = "/v1/tasks" + query({{"status", order.status},
                                           {"gateway", order.gateway},
                                           {"active", order.active  ? "true"
                                                      : order.ended ? "false"
                                                                    : ""},
                                           {"limit", std::to_string(most)},
                                           {"cursor", cursor}});
    const auto page = parse_json(session.daemon.need(Call{.path = path}).body);
    const auto& tasks = member(page, "tasks");
    if (!tasks.IsArray()) throw Trouble(Exit::error, "the daemon's answer has no \"tasks\"");
    for (const auto& task : tasks.GetArray()) {
      ++shown;
      if (session.json) {
        print(dump(task) + "\n");
        continue;
      }
      table.add({text(task, "id"), text(task, "gateway"), text(task, "action"), state_of(task), percent(task),
                 pictures_of(task)});
    }
    cursor = tasks.Empty() ? "" : text(page, "next_cursor");
  } while (!cursor.empty() && (order.all || shown < order.limit));
  if (session.json) return Exit::done;
  print(table.empty() ? "No tasks.\n" : table.print(session.terminal));
  if (!cursor.empty()) std::cerr << "There are more: --all, or --limit N.\n";
  return Exit::done;
}

Exit show(Session& session, const std::string& id, const std::string& gateway) {
  const auto answer = session.daemon.need(Call{.path = task_path(id, gateway)});
  const auto task = parse_json(answer.body);
  print((session.json ? dump(task) : dump_pretty(task)) + "\n");
  return Exit::done;
}

Exit forget(Session& session, const std::vector<std::string>& ids, const std::string& gateway) {
  Exit result = Exit::done;
  for (const auto& id : ids) {
    const auto answer = session.daemon.call(Call{.method = "DELETE", .path = task_path(id, gateway)});
    if (answer.good()) {
      print(session.json ? R"({"id":)" + json_text(id) + R"(,"removed":true})" + "\n" : id + " is no longer watched\n");
      continue;
    }
    std::cerr << id << ": " << harmless(problem_text(answer)) << "\n";
    result = Exit::error;
  }
  return result;
}

Exit refresh(Session& session, const std::vector<std::string>& ids, const std::string& gateway) {
  Exit result = Exit::done;
  for (const auto& id : ids) {
    const auto answer = session.daemon.call(Call{.method = "POST", .path = task_path(id, gateway, "/refresh")});
    if (answer.good()) {
      print(session.json ? R"({"id":)" + json_text(id) + R"(,"refreshing":true})" + "\n"
                         : id + " is being asked for\n");
      continue;
    }
    std::cerr << id << ": " << harmless(problem_text(answer)) << "\n";
    result = Exit::error;
  }
  return result;
}

}  // namespace mjwatchd::client

#include "daemon/control/routes.hpp"

#include <algorithm>
#include <array>

namespace mjwatchd::control {
namespace {

struct Entry {
  Call call;
  std::string_view method, path;
  std::array<std::string_view, 12> parameters;
};

constexpr std::array<Entry, 29> kEntries{{
    {Call::add_tasks, "POST", "/v1/tasks", {"gateway"}},
    {Call::list_tasks,
     "GET",
     "/v1/tasks",
     {"status", "gateway", "active", "q", "since", "until", "ending", "stalled", "pictures", "brief", "limit",
      "cursor"}},
    {Call::put_task, "PUT", "/v1/tasks/{id}", {"gateway"}},
    {Call::show_task, "GET", "/v1/tasks/{id}", {"gateway", "wait"}},
    {Call::forget_task, "DELETE", "/v1/tasks/{id}", {"gateway"}},
    {Call::refresh_task, "POST", "/v1/tasks/{id}/refresh", {"gateway"}},
    {Call::add_receiver, "POST", "/v1/tasks/{id}/webhooks", {"gateway"}},
    {Call::first_image, "GET", "/v1/tasks/{id}/image", {"gateway"}},
    {Call::image, "GET", "/v1/tasks/{id}/images/{n}", {"gateway"}},
    {Call::thumbnail, "GET", "/v1/tasks/{id}/images/{n}/thumbnail", {"gateway"}},
    {Call::events, "GET", "/v1/events", {"task", "gateway", "type"}},
    {Call::list_deliveries, "GET", "/v1/deliveries", {"state", "endpoint", "task", "gateway", "limit", "cursor"}},
    {Call::replay_deliveries, "POST", "/v1/deliveries/replay", {}},
    {Call::show_delivery, "GET", "/v1/deliveries/{id}", {}},
    {Call::replay_delivery, "POST", "/v1/deliveries/{id}/replay", {}},
    {Call::endpoints, "GET", "/v1/endpoints", {}},
    {Call::test_endpoint, "POST", "/v1/endpoints/{name}/test", {}},
    {Call::enable_endpoint, "POST", "/v1/endpoints/{name}/enable", {}},
    {Call::disable_endpoint, "POST", "/v1/endpoints/{name}/disable", {}},
    {Call::gateways, "GET", "/v1/gateways", {}},
    {Call::history, "GET", "/v1/history", {}},
    {Call::status, "GET", "/v1/status", {}},
    {Call::health, "GET", "/healthz", {}},
    {Call::ready, "GET", "/readyz", {}},
    {Call::metrics, "GET", "/metrics", {}},
    {Call::openapi, "GET", "/openapi.json", {}},
    {Call::page_link, "POST", "/v1/page/links", {}},
    {Call::sign_in, "POST", "/v1/page/session", {}},
    {Call::sign_out, "DELETE", "/v1/page/session", {}},
}};

/// How well a path fits: literals matched, or nothing when it does not.
std::optional<std::size_t> fit(std::string_view pattern, const std::vector<std::string>& path,
                               std::vector<std::string>& names) {
  std::size_t literals = 0;
  names.clear();
  for (const auto& segment : path) {
    if (pattern.empty()) return std::nullopt;
    pattern.remove_prefix(1);
    const auto end = std::min(pattern.find('/'), pattern.size());
    const auto expected = pattern.substr(0, end);
    pattern.remove_prefix(end);
    if (expected.starts_with('{')) {
      names.push_back(segment);
    } else if (expected == segment) {
      ++literals;
    } else {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return literals;
}

void add_method(std::string& allow, std::string_view method) {
  if (allow.find(method) != std::string::npos) return;
  allow += (allow.empty() ? "" : ", ") + std::string(method);
  if (method == "GET") allow += ", HEAD";
}

}  // namespace

Route find_route(std::string_view method, const std::vector<std::string>& path) {
  Route route;
  if (method == "HEAD") method = "GET";
  std::size_t best = 0;
  std::vector<std::string> names;
  for (const auto& entry : kEntries) {
    const auto literals = fit(entry.path, path, names);
    if (!literals) continue;
    add_method(route.allow, entry.method);
    if (entry.method != method || (route.call && *literals <= best)) continue;
    route.call = entry.call;
    route.names = names;
    best = *literals;
  }
  return route;
}

std::vector<std::string> known_paths() {
  std::vector<std::string> paths;
  for (const auto& entry : kEntries) {
    if (paths.empty() || paths.back() != entry.path) paths.emplace_back(entry.path);
  }
  return paths;
}

std::vector<std::string> parameters_of(Call call) {
  std::vector<std::string> names;
  const auto* const entry =
      std::find_if(kEntries.begin(), kEntries.end(), [&](const Entry& one) { return one.call == call; });
  for (const auto name : entry->parameters) {
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

}  // namespace mjwatchd::control

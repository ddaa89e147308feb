#include "daemon/control/which_task.hpp"

#include <algorithm>

#include "daemon/control/json_text.hpp"

namespace mjwatchd::control {

std::variant<TaskView, Problem> choose_task(Listing<TaskView> found, std::string_view id, std::string_view gateway,
                                            std::string_view standard) {
  if (found.unread) return unreadable();
  const auto wanted = gateway.empty() ? standard : gateway;
  const auto at =
      std::find_if(found.begin(), found.end(), [&](const TaskView& task) { return task.record.key.gateway == wanted; });
  if (at != found.end()) return std::move(*at);
  if (found.empty() || !gateway.empty()) {
    Problem problem{404, {}, {}, {}};
    problem.detail = "No task " + in_quotes(id) + (gateway.empty() ? "" : " of the gateway " + in_quotes(gateway)) +
                     " is watched: register it with PUT, or by mjwatch add.";
    problem.with("id", id);
    return problem;
  }
  if (found.size() == 1) return std::move(found.front());
  JsonText gateways;
  gateways.array();
  std::vector<std::string> names;
  for (const auto& task : found) {
    names.push_back(task.record.key.gateway);
    gateways.text(names.back());
  }
  Problem problem{409, {}, {}, {}};
  problem.detail = "Several gateways have a task " + in_quotes(id) + ": say which with ?gateway=" + listed(names) + ".";
  problem.with("id", id).with_json("gateways", gateways.end_array().take());
  return problem;
}

}  // namespace mjwatchd::control

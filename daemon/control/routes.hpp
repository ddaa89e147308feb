// Which call of the control API a request is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::control {

enum class Call {
  put_task,
  add_tasks,
  list_tasks,
  show_task,
  forget_task,
  refresh_task,
  add_receiver,
  first_image,
  image,
  thumbnail,
  events,
  list_deliveries,
  show_delivery,
  replay_delivery,
  replay_deliveries,
  endpoints,
  test_endpoint,
  enable_endpoint,
  disable_endpoint,
  gateways,
  history,
  status,
  health,
  ready,
  metrics,
  openapi,
  page_link,
  sign_in,
  sign_out
};

struct Route {
  std::optional<Call> call;
  std::vector<std::string> names;  ///< what stood at the {…} of the path, decoded
  std::string allow;               ///< methods of this path; empty: there is no such path
};

/// Pure. HEAD is GET. A literal segment goes before a name.
[[nodiscard]] Route find_route(std::string_view method, const std::vector<std::string>& path);

/// Every path, as it is written in the documentation; for suggestions.
[[nodiscard]] std::vector<std::string> known_paths();

/// The query parameters a call takes.
[[nodiscard]] std::vector<std::string> parameters_of(Call call);

}  // namespace mjwatchd::control

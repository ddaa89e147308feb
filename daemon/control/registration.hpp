// What an app asked for: from a request's JSON to a Registration.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/control/desk.hpp"
#include "daemon/control/json.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::control {

/// Why a request's JSON is not taken: where in it, what is wrong and what would be right.
struct Refusal {
  std::string where;  ///< "webhooks[1].secret"; empty: the whole
  std::string what;

  [[nodiscard]] std::string text() const { return where.empty() ? what : where + ": " + what; }
};

template <typename T>
using Decoded = std::variant<T, Refusal>;

inline constexpr std::size_t kMostMetadata = 16U << 10;  ///< bytes, without white space
inline constexpr std::size_t kMostReceivers = 16;        ///< of one task

/// What is wrong with a task's id; nothing when it is one.
[[nodiscard]] std::optional<std::string> refuse_id(std::string_view id);

/// All functions here are pure but for asking `desk` what is configured and what time it is.
/// `gateway` is the request's ?gateway=, which stands for the key `gateway`; empty: not given.
///
/// One task: `id` is the path's; the body may repeat it.
[[nodiscard]] Decoded<Registration> decode_registration(const Json& body, std::string_view id, std::string_view gateway,
                                                        const Desk& desk);
/// One line of a stream: its id is in it.
[[nodiscard]] Decoded<Registration> decode_line(const Json& line, std::string_view gateway, const Desk& desk);

/// Many tasks asked for alike. The ids are not checked yet.
struct ManyTasks {
  Registration common;  ///< without an id
  std::vector<std::string> ids;
};
[[nodiscard]] Decoded<ManyTasks> decode_many(const Json& body, std::string_view gateway, const Desk& desk);

/// The body of POST /v1/tasks/{id}/webhooks: an endpoint's name, {"name"}, or {"url",…}.
[[nodiscard]] Decoded<WebhookTarget> decode_receiver(const Json& body, const Desk& desk);

}  // namespace mjwatchd::control

// A task's saved picture as an answer.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/http/server.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::control {

/// The picture `number` (from 0) of a task, or the part of it that `request` wants. Looks at the file
/// system, quickly; only files inside `folder` are served, symbolic links followed before that is judged.
[[nodiscard]] http::ServerResponse answer_picture(const TaskView& task, std::size_t number, const std::string& folder,
                                                  const http::ServerRequest& request);

}  // namespace mjwatchd::control

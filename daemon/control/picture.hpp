// A task's saved picture as an answer.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "daemon/control/problem.hpp"
#include "daemon/http/server.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::control {

/// The picture `number` (from 0) of a task, or the part of it that `request` wants. Looks at the file
/// system, quickly; only files inside `folder` are served, symbolic links followed before that is judged.
/// One that is in an object store, and whose bytes are needed, is answered itself: it is to be fetched
/// first, for answer_fetched().
[[nodiscard]] std::variant<http::ServerResponse, SavedImage> answer_picture(const TaskView& task, std::size_t number,
                                                                            const std::string& folder,
                                                                            const http::ServerRequest& request);

/// `file` holds the picture, or `error` says why it could not be had.
[[nodiscard]] http::ServerResponse answer_fetched(const SavedImage& image, const std::string& file,
                                                  const std::string& error, const http::ServerRequest& request);

/// Why a picture can't be made small; nothing when that can be tried.
[[nodiscard]] std::optional<Problem> refuse_thumbnail(const TaskView& task, std::size_t number,
                                                      const std::string& folder);

/// `file` holds the thumbnail, or `error` says why there is none.
[[nodiscard]] http::ServerResponse answer_thumbnail(const SavedImage& image, const std::string& file,
                                                    const std::string& error, const http::ServerRequest& request);

}  // namespace mjwatchd::control

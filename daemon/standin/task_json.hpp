// A task as gateways write it.
#pragma once

#include <optional>
#include <string>

#include "daemon/standin/misbehaviour.hpp"
#include "daemon/standin/picture.hpp"
#include "daemon/standin/task_book.hpp"

namespace mjwatchd::standin {

/// What a reply needs to know besides the task.
struct Frame {
  std::string base;                  ///< "http://127.0.0.1:8080", before the prefix
  std::optional<PictureKind> kind;   ///< of its pictures; nothing: it has none
  std::uint32_t side = 1024;         ///< of its main picture, in pixels
  milliseconds link_life{86400000};  ///< how long a picture link is good
  Moment now{};
};

/// How many single pictures a finished task has besides the main one.
[[nodiscard]] int picture_count(const Script& script);
/// True when a task of that action ends with pictures at all.
[[nodiscard]] bool has_pictures(const Script& script);
/// The number image-seed tells.
[[nodiscard]] std::string seed_of(const Script& script);

/// The task's object, with every field that servers were seen to send.
[[nodiscard]] std::string task_json(const BookedTask& task, const Frame& frame, const Misbehaviour& misbehaviour);

}  // namespace mjwatchd::standin

// What both ways of laying one task's object over another go by.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "mjwatchd/task.hpp"

namespace mjwatchd::gateway {

/// Members of an object that are looked through one by one; more are kept in a table.
inline constexpr std::size_t kFewMembers = 128;

/// The task has not ended: its picture links lead to previews.
[[nodiscard]] inline bool under_way(Status status) {
  return status == Status::not_start || status == Status::submitted || status == Status::modal ||
         status == Status::in_progress;
}

/// Whether the member of that name holds picture links.
[[nodiscard]] inline bool holds_links(std::string_view key) {
  static constexpr std::array<std::string_view, 8> kLinks{"imageUrl",  "image_url",  "imageRawUrl", "image_raw_url",
                                                          "imageUrls", "image_urls", "images",      "thumbnailUrl"};
  return std::find(kLinks.begin(), kLinks.end(), key) != kLinks.end();
}

}  // namespace mjwatchd::gateway

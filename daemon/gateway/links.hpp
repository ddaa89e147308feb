// Where a finished task's pictures are, as its object says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/task.hpp"

namespace mjwatchd::gateway {

struct PictureLink {
  enum class Kind : std::uint8_t { image, part, video };  ///< the grid; one of imageUrls; a video
  std::string url;
  Kind kind = Kind::image;
  std::optional<WallTime> expires;  ///< Discord's `ex=` (hex Unix seconds)
};

/// Pure. Every picture and video the object names, in order, each URL once: imageUrl, then imageUrls
/// (strings, {"url"}, image_urls, images …), then videoUrl, videoUrls; an .mp4/.webm among the images is a video.
[[nodiscard]] std::vector<PictureLink> picture_links(std::string_view object);

/// The earliest expiry among them.
[[nodiscard]] std::optional<WallTime> earliest_expiry(std::string_view object);

}  // namespace mjwatchd::gateway

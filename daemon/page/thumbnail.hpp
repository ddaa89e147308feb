// A picture made small.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mjwatchd::page {

/// The longer side of a thumbnail, in pixels: twice what the gallery shows, for fine screens.
inline constexpr std::uint32_t kThumbnailSide = 480;
/// What is taken to be made small: a decoder needs up to four bytes for each pixel.
inline constexpr std::uint64_t kMostPixels = 40'000'000;
inline constexpr std::size_t kMostPictureBytes = 64U << 20;

struct Thumbnail {
  std::string webp;   ///< the file; empty when there is none
  std::string error;  ///< why there is none
};

/// Pure; takes some ten milliseconds. PNG, JPEG and WebP, told by their first bytes; what is transparent is put on
/// white. Whatever the bytes are, it ends, and takes no more memory than kMostPixels need.
[[nodiscard]] Thumbnail make_thumbnail(std::string_view picture);

}  // namespace mjwatchd::page

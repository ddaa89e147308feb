// Pictures as pixels: decoded, made small, encoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::page {

/// Three bytes a pixel (red, green, blue), row by row. Without pixels it holds only why.
struct Pixels {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
  std::string error;
};

struct Size {
  std::uint32_t width = 0, height = 0;
};

/// The size that fits `side` in both directions, in the same shape; never larger than it is.
[[nodiscard]] Size fitted(Size size, std::uint32_t side);

/// Each decodes a whole file, or says why not. Where the format can be decoded small at no cost it is, but to no
/// less than `side` in the longer direction.
[[nodiscard]] Pixels decode_png(std::string_view file);
[[nodiscard]] Pixels decode_jpeg(std::string_view file, std::uint32_t side);
[[nodiscard]] Pixels decode_webp(std::string_view file, std::uint32_t side);

/// Each pixel of the result is the mean of those it stands for. `to` is not larger than `from`.
[[nodiscard]] Pixels shrink(const Pixels& from, Size to);

/// Empty when it can't be encoded.
[[nodiscard]] std::string encode_webp(const Pixels& pixels);

/// Why a picture of this size is not decoded; empty when it is.
[[nodiscard]] std::string refuse_size(std::uint64_t width, std::uint64_t height);

}  // namespace mjwatchd::page

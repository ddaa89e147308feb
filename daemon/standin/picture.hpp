// Real pictures, drawn from a task's id: the same id gives the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::standin {

enum class PictureKind : std::uint8_t { png, jpeg, webp, mp4 };

/// ".png", …, and "image/png", ….
[[nodiscard]] std::string_view extension(PictureKind kind);
[[nodiscard]] std::string_view content_type(PictureKind kind);

/// 8-bit RGB, rows from the top, without padding.
struct Canvas {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

/// Soft waves of colour under a light grain; `number` 0 is the grid of the variants 1 to 4.
[[nodiscard]] Canvas draw(std::string_view id, int number, std::uint32_t side);

/// Throw std::runtime_error when the library refuses.
[[nodiscard]] std::string encode_png(const Canvas& canvas);
[[nodiscard]] std::string encode_jpeg(const Canvas& canvas);
[[nodiscard]] std::string encode_webp(const Canvas& canvas);

/// The side in pixels at which a picture of that kind has about so many bytes; 64 … 4096.
[[nodiscard]] std::uint32_t side_for(PictureKind kind, std::uint64_t bytes);

/// Draws and encodes. mp4 is one short clip, filled up to the size of such a PNG.
[[nodiscard]] std::string make_picture(PictureKind kind, std::string_view id, int number, std::uint32_t side);

/// The bytes of the built-in clip (H.264).
[[nodiscard]] std::string_view clip_mp4();

}  // namespace mjwatchd::standin

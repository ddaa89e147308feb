// Pictures made small.
#include "daemon/page/thumbnail.hpp"

#include <doctest/doctest.h>

#include <random>

#include "daemon/page/pixels.hpp"
#include "daemon/standin/picture.hpp"

using namespace mjwatchd;
using namespace mjwatchd::page;
using standin::Canvas;

namespace {

/// Red on the left, blue on the right.
Canvas halves(std::uint32_t width, std::uint32_t height) {
  Canvas canvas;
  canvas.width = width;
  canvas.height = height;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const bool left = x < width / 2;
      canvas.pixels.insert(canvas.pixels.end(), {static_cast<std::uint8_t>(left ? 230 : 20), 20,
                                                 static_cast<std::uint8_t>(left ? 20 : 230)});
    }
  }
  return canvas;
}

Pixels decoded(const Thumbnail& thumbnail) {
  REQUIRE_MESSAGE(thumbnail.error.empty(), thumbnail.error);
  auto pixels = decode_webp(thumbnail.webp, 10'000);
  REQUIRE_MESSAGE(pixels.error.empty(), pixels.error);
  return pixels;
}

/// How red and how blue it is at a place.
std::pair<int, int> colour(const Pixels& pixels, std::uint32_t x, std::uint32_t y) {
  const auto at = (std::size_t{y} * pixels.width + x) * 3;
  return {pixels.rgb.at(at), pixels.rgb.at(at + 2)};
}

}  // namespace

TEST_CASE("every kind of picture is made small in its shape, with its colours") {
  const auto canvas = halves(1600, 900);
  for (const auto& file : {standin::encode_png(canvas), standin::encode_jpeg(canvas), standin::encode_webp(canvas)}) {
    const auto small = decoded(make_thumbnail(file));
    CHECK(small.width == kThumbnailSide);
    CHECK(small.height == 270);
    const auto [red, blue] = colour(small, 100, 135);
    CHECK(red > 180);
    CHECK(blue < 80);
    const auto [right_red, right_blue] = colour(small, 380, 135);
    CHECK(right_red < 80);
    CHECK(right_blue > 180);
  }
}

TEST_CASE("a thumbnail is a small file") {
  const auto picture = standin::make_picture(standin::PictureKind::png, "a", 1, 1024);
  const auto small = make_thumbnail(picture);
  CHECK(small.webp.size() < picture.size() / 10);
  CHECK(small.webp.size() < 80'000);
}

TEST_CASE("a small picture is not made larger") {
  const auto small = decoded(make_thumbnail(standin::encode_png(halves(60, 40))));
  CHECK(small.width == 60);
  CHECK(small.height == 40);
}

TEST_CASE("a thin picture keeps at least one pixel") {
  const auto size = fitted({100'000, 3}, 480);
  CHECK(size.width == 480);
  CHECK(size.height == 1);
  const auto small = decoded(make_thumbnail(standin::encode_png(halves(4000, 2))));
  CHECK(small.width == 480);
  CHECK(small.height == 1);
}

TEST_CASE("each pixel is the mean of those it stands for") {
  Pixels from;
  from.width = 4;
  from.height = 2;
  for (const int value : {0, 10, 100, 100, 20, 30, 100, 104}) from.rgb.insert(from.rgb.end(), 3, std::uint8_t(value));
  const auto to = shrink(from, {2, 1});
  CHECK(to.rgb == std::vector<std::uint8_t>{15, 15, 15, 101, 101, 101});
}

TEST_CASE("what is too large is not decoded") {
  CHECK(refuse_size(6000, 6000).empty());
  CHECK(refuse_size(7000, 7000).find("up to 40 million") != std::string::npos);
  CHECK_FALSE(refuse_size(1ULL << 40, 1ULL << 40).empty());
  CHECK_FALSE(refuse_size(0, 5).empty());
  // A PNG that says it is 60,000 pixels wide and high: only its first bytes are looked at.
  auto bomb = standin::encode_png(halves(8, 8));
  for (const std::size_t at : {18, 22}) bomb.replace(at, 2, "\xEA\x60", 2);
  const auto thumbnail = make_thumbnail(bomb);
  CHECK(thumbnail.webp.empty());
  CHECK_FALSE(thumbnail.error.empty());
}

TEST_CASE("what is no picture says so") {
  CHECK(make_thumbnail("").error == "it is neither PNG, JPEG nor WebP");
  CHECK(make_thumbnail("GIF89a").error == "it is neither PNG, JPEG nor WebP");
  CHECK_FALSE(make_thumbnail("\xff\xd8\xff nonsense").error.empty());
  CHECK_FALSE(make_thumbnail(std::string("RIFF\0\0\0\0WEBPVP8 ", 16)).error.empty());
  CHECK_FALSE(make_thumbnail("\x89PNG\r\n\x1a\n").error.empty());
}

TEST_CASE("broken pictures do no harm") {
  const auto canvas = halves(64, 48);
  std::mt19937 dice(7);
  for (const auto& file : {standin::encode_png(canvas), standin::encode_jpeg(canvas), standin::encode_webp(canvas)}) {
    for (int i = 0; i < 300; ++i) {
      auto broken = file.substr(0, i % 3 == 0 ? dice() % file.size() : file.size());
      for (int n = 0; n < 4 && !broken.empty(); ++n) broken[dice() % broken.size()] = static_cast<char>(dice());
      const auto made = make_thumbnail(broken);
      CHECK(made.webp.empty() != made.error.empty());
    }
  }
}

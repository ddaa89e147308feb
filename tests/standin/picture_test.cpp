#include "daemon/standin/picture.hpp"

#include <doctest/doctest.h>
#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>

#include <cstdio>

using namespace mjwatchd::standin;

namespace {
const std::uint8_t* bytes_of(const std::string& text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }
}  // namespace

TEST_CASE("a drawn PNG decodes to exactly what was drawn") {
  const auto canvas = draw("1712158011464906", 0, 128);
  const auto file = encode_png(canvas);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_memory(&image, file.data(), file.size()) != 0);
  image.format = PNG_FORMAT_RGB;
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) != 0);
  CHECK(image.width == 128);
  CHECK(pixels == canvas.pixels);
}

TEST_CASE("drawn JPEG and WebP decode with their libraries") {
  const auto canvas = draw("x", 2, 200);
  const auto jpeg = encode_jpeg(canvas);
  jpeg_decompress_struct info;
  jpeg_error_mgr error;
  info.err = jpeg_std_error(&error);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes_of(jpeg), jpeg.size());
  REQUIRE(jpeg_read_header(&info, TRUE) == JPEG_HEADER_OK);
  CHECK(info.image_width == 200);
  jpeg_destroy_decompress(&info);
  const auto webp = encode_webp(canvas);
  int width = 0;
  int height = 0;
  auto* decoded = WebPDecodeRGB(bytes_of(webp), webp.size(), &width, &height);
  REQUIRE(decoded != nullptr);
  WebPFree(decoded);
  CHECK(width == 200);
  CHECK(height == 200);
}

TEST_CASE("a task's pictures are always the same, and differ from another's") {
  CHECK(make_picture(PictureKind::png, "a", 1, 64) == make_picture(PictureKind::png, "a", 1, 64));
  CHECK(make_picture(PictureKind::png, "a", 1, 64) != make_picture(PictureKind::png, "a", 2, 64));
  CHECK(make_picture(PictureKind::png, "a", 1, 64) != make_picture(PictureKind::png, "b", 1, 64));
}

TEST_CASE("a picture has about the size that was asked for") {
  for (const auto kind : {PictureKind::png, PictureKind::jpeg, PictureKind::webp, PictureKind::mp4}) {
    const auto size = make_picture(kind, "size", 0, side_for(kind, 200'000)).size();
    CAPTURE(size);
    CHECK(size > 100'000);
    CHECK(size < 400'000);
  }
}

TEST_CASE("the clip is an MP4, filled up by a box that ends with the file") {
  CHECK(clip_mp4().substr(4, 4) == "ftyp");
  const auto clip = make_picture(PictureKind::mp4, "a", 0, 512);
  CHECK(clip.substr(0, clip_mp4().size()) == clip_mp4());
  std::size_t box = 0;
  for (std::size_t i = 0; i < 4; ++i) box = box << 8U | static_cast<unsigned char>(clip[clip_mp4().size() + i]);
  CHECK(clip_mp4().size() + box == clip.size());
  CHECK(clip.substr(clip_mp4().size() + 4, 4) == "free");
  CHECK(clip != make_picture(PictureKind::mp4, "b", 0, 512));
}

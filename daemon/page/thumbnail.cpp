#include "daemon/page/thumbnail.hpp"

#include "daemon/page/pixels.hpp"

namespace mjwatchd::page {
namespace {

Pixels decode(std::string_view picture) {
  using namespace std::string_view_literals;
  if (picture.starts_with("\x89PNG\r\n\x1a\n"sv)) return decode_png(picture);
  if (picture.starts_with("\xff\xd8\xff"sv)) return decode_jpeg(picture, kThumbnailSide);
  if (picture.starts_with("RIFF"sv) && picture.substr(0, 12).ends_with("WEBP"sv)) {
    return decode_webp(picture, kThumbnailSide);
  }
  Pixels none;
  none.error = "it is neither PNG, JPEG nor WebP";
  return none;
}

}  // namespace

Thumbnail make_thumbnail(std::string_view picture) {
  auto pixels = decode(picture);
  if (!pixels.error.empty()) return {{}, std::move(pixels.error)};
  const auto size = fitted({pixels.width, pixels.height}, kThumbnailSide);
  if (size.width != pixels.width || size.height != pixels.height) pixels = shrink(pixels, size);
  auto webp = encode_webp(pixels);
  if (webp.empty()) return {{}, "it can't be encoded as WebP"};
  return {std::move(webp), {}};
}

}  // namespace mjwatchd::page

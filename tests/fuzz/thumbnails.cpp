// Whatever was saved as a picture: made small, or refused with why.
#include "daemon/page/pixels.hpp"
#include "daemon/page/thumbnail.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd::page;
using mjwatchd::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto made = make_thumbnail(mjwatchd::fuzz::text_of(data, size));
  must(made.webp.empty() != made.error.empty());
  if (made.webp.empty()) return 0;
  const auto small = decode_webp(made.webp, kThumbnailSide);
  must(small.error.empty());
  must(small.width >= 1 && small.width <= kThumbnailSide && small.height >= 1 && small.height <= kThumbnailSide);
  return 0;
}

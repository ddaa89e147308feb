// PNG: chunks of length, type, data, CRC, from IHDR to IEND (ISO/IEC 15948, 5).
#include <array>

#include "daemon/images/png_walk.hpp"
#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

Verdict verify_png(ByteSource& bytes) {
  PngWalk walk;
  std::array<unsigned char, 65536> piece;
  for (std::uint64_t at = 0; !walk.over();) {
    const std::size_t got = bytes.read(at, piece);
    if (got == 0) break;
    walk.take({reinterpret_cast<const char*>(piece.data()), got});
    at += got;
  }
  return walk.verdict();
}

}  // namespace mjwatchd::images

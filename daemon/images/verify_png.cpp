// PNG: chunks of length, type, data, CRC, from IHDR to IEND (ISO/IEC 15948, 5).
#include <zlib.h>

#include <algorithm>
#include <array>

#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

namespace {

constexpr auto kType = PictureType::png;
constexpr std::uint64_t kChunkLimit = 0x7fffffff;  // the format's own

/// CRC of type and data.
std::uint32_t crc_of(ByteSource& bytes, std::uint64_t at, std::uint64_t count) {
  std::array<unsigned char, 16384> piece;
  uLong crc = ::crc32(0, nullptr, 0);
  while (count > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(count, piece.size()));
    const std::size_t got = bytes.read(at, {piece.data(), want});
    if (got == 0) break;
    crc = ::crc32(crc, piece.data(), static_cast<uInt>(got));
    at += got;
    count -= got;
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace

Verdict verify_png(ByteSource& bytes) {
  Verdict verdict{.type = kType, .error = {}};
  bool data = false;
  for (std::uint64_t at = 8;;) {
    const auto length = bytes.big(at, 4);
    if (!length || !bytes.has(at, 8)) return cut_short(kType, "between chunks");
    if (*length > kChunkLimit) return broken(kType, "a chunk is longer than the format allows");
    if (!bytes.has(at, *length + 12)) return cut_short(kType, "inside a chunk");
    if (crc_of(bytes, at + 4, *length + 4) != bytes.big(at + 8 + *length, 4)) {
      return broken(kType, "a chunk's CRC does not match");
    }
    if (at == 8) {
      if (!bytes.at(at + 4, "IHDR") || *length != 13) return broken(kType, "it does not begin with IHDR");
      verdict.width = static_cast<std::uint32_t>(bytes.big(at + 8, 4).value_or(0));
      verdict.height = static_cast<std::uint32_t>(bytes.big(at + 12, 4).value_or(0));
      if (verdict.width == 0 || verdict.height == 0) return broken(kType, "it has no area");
    }
    if (bytes.at(at + 4, "IDAT")) data = true;
    if (bytes.at(at + 4, "IEND")) return data ? verdict : broken(kType, "it has no image data");
    at += *length + 12;
  }
}

}  // namespace mjwatchd::images

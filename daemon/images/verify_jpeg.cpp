// JPEG: marker segments and entropy-coded scans from SOI to EOI (ITU-T T.81, B).
#include <algorithm>
#include <array>

#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

namespace {

constexpr auto kJpeg = PictureType::jpeg;

bool is_frame(unsigned marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/// Where the marker after a scan's entropy-coded bytes begins. FF00 is a data byte, FFD0–FFD7 are
/// restarts, FFFF is fill.
std::optional<std::uint64_t> end_of_scan(ByteSource& bytes, std::uint64_t at) {
  std::array<unsigned char, 16384> piece;
  bool after_ff = false;
  for (;;) {
    const std::size_t count = bytes.read(at, piece);
    if (count == 0) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
      const unsigned char c = piece[i];
      if (after_ff && c != 0x00 && c != 0xff && (c < 0xd0 || c > 0xd7)) return at + i - 1;
      after_ff = c == 0xff;
    }
    at += count;
  }
}

}  // namespace

Verdict verify_jpeg(ByteSource& bytes) {
  Verdict verdict{.type = kJpeg, .error = {}};
  bool scanned = false;
  for (std::uint64_t at = 2;;) {
    const auto lead = bytes.big(at, 1);
    const auto marker = bytes.big(at + 1, 1);
    if (!lead || !marker) return cut_short(kJpeg, "before its end marker");
    if (*lead != 0xff) return broken(kJpeg, "a marker is missing");
    if (*marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (*marker == 0xd9) {
      if (!scanned || verdict.width == 0) return broken(kJpeg, "it has no image data");
      return verdict;
    }
    if (*marker == 0x01 || (*marker >= 0xd0 && *marker <= 0xd7)) {  // stand-alone
      at += 2;
      continue;
    }
    const auto length = bytes.big(at + 2, 2);
    if (!length || !bytes.has(at + 2, *length)) return cut_short(kJpeg, "inside a segment");
    if (*length < 2) return broken(kJpeg, "a segment has no length");
    if (is_frame(static_cast<unsigned>(*marker)) && *length >= 8) {
      verdict.height = static_cast<std::uint32_t>(bytes.big(at + 5, 2).value_or(0));
      verdict.width = static_cast<std::uint32_t>(bytes.big(at + 7, 2).value_or(0));
    }
    at += 2 + *length;
    if (*marker != 0xda) continue;
    const auto end = end_of_scan(bytes, at);
    if (!end) return cut_short(kJpeg, "inside a scan");
    scanned = true;
    at = *end;
  }
}

}  // namespace mjwatchd::images

// WebP: a RIFF container whose size counts everything after its first 8 bytes (RFC 9649).
#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

namespace {

constexpr auto kWebp = PictureType::webp;

void measure(ByteSource& bytes, std::uint64_t at, Verdict& verdict) {
  const auto number = [&](std::uint64_t offset, unsigned width) {
    return static_cast<std::uint32_t>(bytes.little(at + 8 + offset, width).value_or(0));
  };
  if (bytes.at(at, "VP8X")) {
    verdict.width = number(4, 3) + 1;
    verdict.height = number(7, 3) + 1;
  } else if (bytes.at(at, "VP8L")) {
    const std::uint32_t bits = number(1, 4);
    verdict.width = (bits & 0x3fffU) + 1;
    verdict.height = (bits >> 14U & 0x3fffU) + 1;
  } else if (bytes.at(at, "VP8 ")) {
    verdict.width = number(6, 2) & 0x3fffU;
    verdict.height = number(8, 2) & 0x3fffU;
  }
}

}  // namespace

Verdict verify_webp(ByteSource& bytes) {
  const auto riff = bytes.little(4, 4);
  if (!riff) return cut_short(kWebp, "in its header");
  const std::uint64_t end = *riff + 8;
  if (*riff < 12) return broken(kWebp, "its size is impossible");
  if (!bytes.has(0, end)) return cut_short(kWebp, "before the size it names");
  Verdict verdict{.type = kWebp, .error = {}};
  bool data = false;
  std::uint64_t at = 12;
  while (at < end) {
    const auto length = bytes.little(at + 4, 4);
    if (!length || at + 8 + *length > end) return broken(kWebp, "a chunk reaches over its end");
    if (verdict.width == 0) measure(bytes, at, verdict);
    data = data || bytes.at(at, "VP8 ") || bytes.at(at, "VP8L") || bytes.at(at, "ANMF");
    at += 8 + *length + (*length & 1U);
  }
  return data ? verdict : broken(kWebp, "it has no image data");
}

}  // namespace mjwatchd::images

// MP4: boxes that cover the file, ftyp and moov among them (ISO/IEC 14496-12).
#include <algorithm>

#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

namespace {

constexpr auto kMp4 = PictureType::mp4;

struct Box {
  std::uint64_t body = 0, end = 0;
};

/// The box at `at` inside something that ends at `limit`. Nothing when it does not fit.
std::optional<Box> box_at(ByteSource& bytes, std::uint64_t at, std::uint64_t limit) {
  const auto small = bytes.big(at, 4);
  if (!small || limit - at < 8) return std::nullopt;
  std::uint64_t size = *small;
  std::uint64_t header = 8;
  if (size == 0) size = limit - at;  // to the end
  if (size == 1) {
    const auto large = bytes.big(at + 8, 8);
    if (!large) return std::nullopt;
    size = *large;
    header = 16;
  }
  if (size < header || size > limit - at) return std::nullopt;
  return Box{at + header, at + size};
}

/// Width and height of the first track that has any: 16.16 fixed point at the end of tkhd.
void measure(ByteSource& bytes, Box moov, Verdict& verdict) {
  for (std::uint64_t at = moov.body; at < moov.end && verdict.width == 0;) {
    const auto track = box_at(bytes, at, moov.end);
    if (!track) return;
    for (std::uint64_t in = track->body; bytes.at(at + 4, "trak") && in < track->end;) {
      const auto inner = box_at(bytes, in, track->end);
      if (!inner) break;
      if (bytes.at(in + 4, "tkhd") && inner->end - inner->body >= 84) {
        verdict.width = static_cast<std::uint32_t>(bytes.big(inner->end - 8, 4).value_or(0) >> 16U);
        verdict.height = static_cast<std::uint32_t>(bytes.big(inner->end - 4, 4).value_or(0) >> 16U);
      }
      in = inner->end;
    }
    at = track->end;
  }
}

}  // namespace

Verdict verify_mp4(ByteSource& bytes) {
  Verdict verdict{.type = kMp4, .error = {}};
  bool moov = false, media = false;
  for (std::uint64_t at = 0; at < bytes.size();) {
    const auto box = box_at(bytes, at, bytes.size());
    if (!box) {
      // Either the file ends inside the box, or the size is nonsense; the former is what happens.
      return cut_short(kMp4, "inside a box");
    }
    media = media || bytes.at(at + 4, "mdat");
    if (bytes.at(at + 4, "moov")) {
      moov = true;
      measure(bytes, *box, verdict);
    }
    at = box->end;
  }
  if (!moov) return cut_short(kMp4, "before its moov box");
  return media ? verdict : cut_short(kMp4, "before its media");
}

}  // namespace mjwatchd::images

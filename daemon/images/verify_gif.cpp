// GIF: blocks from the screen descriptor to the trailer (GIF89a specification).
#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

namespace {

constexpr auto kGif = PictureType::gif;

std::uint64_t table_size(std::uint64_t flags) { return (flags & 0x80U) != 0 ? 3ULL << ((flags & 7U) + 1) : 0; }

/// Past a chain of sub-blocks, each led by its length, ended by a zero.
std::optional<std::uint64_t> past_blocks(ByteSource& bytes, std::uint64_t at) {
  for (;;) {
    const auto length = bytes.big(at, 1);
    if (!length) return std::nullopt;
    at += 1 + *length;
    if (*length == 0) return at;
  }
}

}  // namespace

Verdict verify_gif(ByteSource& bytes) {
  Verdict verdict{.type = kGif, .error = {}};
  const auto flags = bytes.big(10, 1);
  if (!flags || !bytes.has(0, 13)) return cut_short(kGif, "in its header");
  verdict.width = static_cast<std::uint32_t>(bytes.little(6, 2).value_or(0));
  verdict.height = static_cast<std::uint32_t>(bytes.little(8, 2).value_or(0));
  bool data = false;
  std::uint64_t at = 13 + table_size(*flags);
  for (;;) {
    const auto kind = bytes.big(at, 1);
    if (!kind) return cut_short(kGif, "before its trailer");
    if (*kind == 0x3b) return data ? verdict : broken(kGif, "it has no image data");
    std::optional<std::uint64_t> next;
    if (*kind == 0x21) {  // extension
      next = past_blocks(bytes, at + 2);
    } else if (*kind == 0x2c) {  // image
      const auto local = bytes.big(at + 9, 1);
      if (local) next = past_blocks(bytes, at + 11 + table_size(*local));
      data = true;
    } else {
      return broken(kGif, "a block is of no known kind");
    }
    if (!next) return cut_short(kGif, "inside a block");
    at = *next;
  }
}

}  // namespace mjwatchd::images

// Whether a file is a whole picture, judged by its content alone.
//
// Gateways cut bodies short without telling, and serve HTML or JSON as a picture. What is not proven
// whole here never gets a final name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/images/byte_source.hpp"

namespace mjwatchd::images {

enum class PictureType : std::uint8_t { png, jpeg, webp, gif, mp4, webm };

/// "image/png" and ".png".
[[nodiscard]] std::string_view content_type(PictureType type);
[[nodiscard]] std::string_view extension(PictureType type);

/// What a look at the bytes came to: a whole picture when `error` is empty.
struct Verdict {
  std::optional<PictureType> type;  ///< nothing: none of the six
  std::string error;                ///< one printable line for people
  bool cut = false;                 ///< it ends too early: the rest may still be had
  std::uint32_t width = 0;          ///< 0 when not known
  std::uint32_t height = 0;
};

/// What the first bytes say it is.
[[nodiscard]] std::optional<PictureType> sniff(ByteSource& bytes);

/// Reads the structure to its end: PNG chunks with their CRCs to IEND, JPEG segments and scans to
/// EOI, WebP by its RIFF size, GIF blocks to the trailer, MP4 boxes (ftyp and moov) and WebM
/// elements to the file's end. Never crashes on hostile bytes; memory is bounded; time is linear.
/// Throws std::system_error when the disk cannot be read.
[[nodiscard]] Verdict verify(ByteSource& bytes);

// One a format; the caller has sniffed the type.
[[nodiscard]] Verdict verify_png(ByteSource& bytes);
[[nodiscard]] Verdict verify_jpeg(ByteSource& bytes);
[[nodiscard]] Verdict verify_webp(ByteSource& bytes);
[[nodiscard]] Verdict verify_gif(ByteSource& bytes);
[[nodiscard]] Verdict verify_mp4(ByteSource& bytes);
[[nodiscard]] Verdict verify_webm(ByteSource& bytes);

/// A verdict of "ends too early".
[[nodiscard]] Verdict cut_short(PictureType type, std::string_view where);
/// A verdict of "broken in a way that more bytes do not mend".
[[nodiscard]] Verdict broken(PictureType type, std::string_view why);

}  // namespace mjwatchd::images

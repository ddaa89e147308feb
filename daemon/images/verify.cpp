#include "daemon/images/verify.hpp"

#include <algorithm>
#include <array>

namespace mjwatchd::images {

namespace {

constexpr std::size_t kQuoted = 120;  // characters of a page served as a picture

struct Names {
  std::string_view content_type, extension, word;
};
const Names& names(PictureType type) {
  static constexpr std::array<Names, 6> kNames{{{"image/png", ".png", "PNG"},
                                                {"image/jpeg", ".jpg", "JPEG"},
                                                {"image/webp", ".webp", "WebP"},
                                                {"image/gif", ".gif", "GIF"},
                                                {"video/mp4", ".mp4", "MP4"},
                                                {"video/webm", ".webm", "WebM"}}};
  return kNames.at(static_cast<std::size_t>(type));
}

/// The first line with anything on it, printable and bounded; other bytes become dots.
std::string first_line(ByteSource& bytes) {
  std::array<unsigned char, 512> head{};
  const std::size_t count = bytes.read(0, head);
  std::string line;
  for (std::size_t i = 0; i < count && line.size() < kQuoted; ++i) {
    const unsigned char c = head[i];
    if (c == '\n' || c == '\r') {
      if (!line.empty()) break;
    } else if (c >= 0x20 && c < 0x7f) {
      if (c != ' ' || !line.empty()) line.push_back(static_cast<char>(c));
    } else if (c != '\t') {
      line.push_back('.');
    }
  }
  return line;
}

Verdict unknown(ByteSource& bytes) {
  if (bytes.size() == 0) return {.type = {}, .error = "the answer is empty", .cut = true};
  const std::string line = first_line(bytes);
  const bool html = line.starts_with("<");
  const bool json = line.starts_with("{") || line.starts_with("[");
  const std::string what = html ? "an HTML page" : json ? "JSON" : "something unknown";
  return {.type = {}, .error = "not a picture but " + what + ": " + line};
}

}  // namespace

std::string_view content_type(PictureType type) { return names(type).content_type; }
std::string_view extension(PictureType type) { return names(type).extension; }

Verdict cut_short(PictureType type, std::string_view where) {
  return {.type = type,
          .error = "the " + std::string(names(type).word) + " is cut short " + std::string(where),
          .cut = true};
}

Verdict broken(PictureType type, std::string_view why) {
  return {.type = type, .error = "the " + std::string(names(type).word) + " is broken: " + std::string(why)};
}

std::optional<PictureType> sniff(ByteSource& bytes) {
  using namespace std::string_view_literals;
  if (bytes.at(0, "\x89PNG\r\n\x1a\n"sv)) return PictureType::png;
  if (bytes.at(0, "\xff\xd8\xff"sv)) return PictureType::jpeg;
  if (bytes.at(0, "RIFF"sv) && bytes.at(8, "WEBP"sv)) return PictureType::webp;
  if (bytes.at(0, "GIF87a"sv) || bytes.at(0, "GIF89a"sv)) return PictureType::gif;
  if (bytes.at(4, "ftyp"sv)) return PictureType::mp4;
  if (bytes.at(0, "\x1a\x45\xdf\xa3"sv)) return PictureType::webm;
  return std::nullopt;
}

Verdict verify(ByteSource& bytes) {
  const auto type = sniff(bytes);
  if (!type) return unknown(bytes);
  switch (*type) {
    case PictureType::png:
      return verify_png(bytes);
    case PictureType::jpeg:
      return verify_jpeg(bytes);
    case PictureType::webp:
      return verify_webp(bytes);
    case PictureType::gif:
      return verify_gif(bytes);
    case PictureType::mp4:
      return verify_mp4(bytes);
    case PictureType::webm:
      return verify_webm(bytes);
  }
  return unknown(bytes);
}

}  // namespace mjwatchd::images

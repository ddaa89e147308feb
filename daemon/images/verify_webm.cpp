// WebM: EBML elements of variable-length id and size (RFC 8794, RFC 9559).
#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

namespace {

constexpr auto kWebm = PictureType::webm;
constexpr std::uint64_t kEbml = 0x1a45dfa3, kSegment = 0x18538067, kCluster = 0x1f43b675, kTracks = 0x1654ae6b,
                        kTrackEntry = 0xae, kVideo = 0xe0, kPixelWidth = 0xb0, kPixelHeight = 0xba;

struct Element {
  std::uint64_t id = 0, body = 0, size = 0;
  bool open_ended = false;  ///< a live recording: the size was not known
};

/// A number whose first byte tells its width by its leading zeros.
std::optional<std::uint64_t> variable(ByteSource& bytes, std::uint64_t& at, bool keep_marker, bool& all_ones) {
  const auto first = bytes.big(at, 1);
  if (!first || *first == 0) return std::nullopt;
  unsigned width = 1;
  while ((*first & (0x80U >> (width - 1))) == 0) ++width;
  const auto number = bytes.big(at, width);
  if (!number) return std::nullopt;
  at += width;
  const std::uint64_t mask = (1ULL << (7 * width)) - 1;
  all_ones = (*number & mask) == mask;
  return keep_marker ? *number : *number & mask;
}

std::optional<Element> element_at(ByteSource& bytes, std::uint64_t at) {
  bool ones = false;
  const auto id = variable(bytes, at, true, ones);
  if (!id) return std::nullopt;
  const auto size = variable(bytes, at, false, ones);
  if (!size) return std::nullopt;
  return Element{*id, at, *size, ones};
}

/// Looks through Tracks → TrackEntry → Video for the pixels' width and height.
void measure(ByteSource& bytes, const Element& inside, Verdict& verdict) {
  const std::uint64_t end = inside.body + inside.size;
  for (std::uint64_t at = inside.body; at < end;) {
    const auto element = element_at(bytes, at);
    if (!element || element->open_ended || element->size > end - element->body) return;
    if (inside.id == kTracks && element->id == kTrackEntry) measure(bytes, *element, verdict);
    if (inside.id == kTrackEntry && element->id == kVideo) measure(bytes, *element, verdict);
    const bool number = inside.id == kVideo && element->size >= 1 && element->size <= 4;
    if (number && (element->id == kPixelWidth || element->id == kPixelHeight)) {
      const auto value = bytes.big(element->body, static_cast<unsigned>(element->size)).value_or(0);
      (element->id == kPixelWidth ? verdict.width : verdict.height) = static_cast<std::uint32_t>(value);
    }
    at = element->body + element->size;
  }
}

}  // namespace

Verdict verify_webm(ByteSource& bytes) {
  Verdict verdict{.type = kWebm, .error = {}};
  bool segment = false, cluster = false;
  for (std::uint64_t at = 0; at < bytes.size();) {
    const auto element = element_at(bytes, at);
    if (!element) return cut_short(kWebm, "between elements");
    const bool known = !element->open_ended;
    if (known && !bytes.has(element->body, element->size)) return cut_short(kWebm, "inside an element");
    if (at == 0 && (element->id != kEbml || !known)) return broken(kWebm, "it does not begin with EBML");
    segment = segment || element->id == kSegment;
    cluster = cluster || element->id == kCluster;
    if (element->id == kTracks && known) measure(bytes, *element, verdict);
    // Segments are entered, and so is a cluster without a size: its blocks follow.
    const bool enter = element->id == kSegment || (element->id == kCluster && !known);
    if (!enter && !known) return broken(kWebm, "an element has no size");
    at = enter ? element->body : element->body + element->size;
  }
  if (!segment || !cluster) return cut_short(kWebm, "before its first cluster");
  return verdict;
}

}  // namespace mjwatchd::images

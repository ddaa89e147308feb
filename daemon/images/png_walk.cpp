#include "daemon/images/png_walk.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace mjwatchd::images {

namespace {

constexpr auto kPng = PictureType::png;
constexpr std::uint32_t kChunkLimit = 0x7fffffff;  // the format's own

}  // namespace

void PngWalk::take(std::string_view bytes) {
  while (!bytes.empty() && !over()) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    take_part(bytes.substr(0, count));
    bytes.remove_prefix(count);
    left_ -= count;
    if (left_ == 0) part_ended();
  }
}

void PngWalk::take_part(std::string_view bytes) {
  const std::size_t keep = std::min(kept_.size() - count_, bytes.size());
  std::memcpy(kept_.data() + count_, bytes.data(), keep);
  count_ += keep;
  if (part_ == Part::data) crc_ = libdeflate_crc32(crc_, bytes.data(), bytes.size());
}

void PngWalk::part_ended() {
  switch (part_) {
    case Part::signature:
      return begin(Part::head, 8);
    case Part::head:
      return head_ended();
    case Part::data:
      if (first_) {
        width_ = number(0);
        height_ = number(4);
      }
      return begin(Part::crc, 4);
    case Part::crc:
      return chunk_ended();
    case Part::over:
      return;
  }
}

void PngWalk::head_ended() {
  if (number(0) > kChunkLimit) return end(broken(kPng, "a chunk is longer than the format allows"));
  length_ = number(0);
  std::memcpy(type_.data(), kept_.data() + 4, type_.size());
  crc_ = libdeflate_crc32(0, type_.data(), type_.size());
  begin(length_ == 0 ? Part::crc : Part::data, length_ == 0 ? 4 : length_);
}

void PngWalk::chunk_ended() {
  if (number(0) != crc_) return end(broken(kPng, "a chunk's CRC does not match"));
  const std::string_view type(type_.data(), type_.size());
  if (std::exchange(first_, false)) {
    if (type != "IHDR" || length_ != 13) return end(broken(kPng, "it does not begin with IHDR"));
    if (width_ == 0 || height_ == 0) return end(broken(kPng, "it has no area"));
  }
  image_ = image_ || type == "IDAT";
  if (type != "IEND") return begin(Part::head, 8);
  if (!image_) return end(broken(kPng, "it has no image data"));
  end({.type = kPng, .error = {}, .width = width_, .height = height_});
}

void PngWalk::begin(Part part, std::uint64_t length) {
  part_ = part;
  left_ = length;
  count_ = 0;
}

void PngWalk::end(Verdict verdict) {
  part_ = Part::over;
  verdict_ = std::move(verdict);
}

/// Big-endian, of what was kept.
std::uint32_t PngWalk::number(std::size_t at) const {
  return static_cast<std::uint32_t>(kept_[at]) << 24U | static_cast<std::uint32_t>(kept_[at + 1]) << 16U |
         static_cast<std::uint32_t>(kept_[at + 2]) << 8U | static_cast<std::uint32_t>(kept_[at + 3]);
}

Verdict PngWalk::verdict() const {
  if (over()) return verdict_;
  const bool between = part_ == Part::signature || part_ == Part::head;
  return cut_short(kPng, between ? "between chunks" : "inside a chunk");
}

}  // namespace mjwatchd::images

// A PNG's structure, followed as its bytes come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/images/verify.hpp"

namespace mjwatchd::images {

/// Goes from chunk to chunk (length, type, data, CRC) to IEND, so that a picture need not be read again to
/// know that it is whole. Copyable; one thread at a time.
class PngWalk {
 public:
  /// The next bytes, in pieces of any size. The first eight are taken for the signature.
  void take(std::string_view bytes);
  /// What the bytes so far are. Those after IEND do not matter.
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] bool over() const { return part_ == Part::over; }

 private:
  enum class Part : std::uint8_t { signature, head, data, crc, over };

  void take_part(std::string_view bytes);
  void part_ended();
  void head_ended();
  void chunk_ended();
  void begin(Part part, std::uint64_t length);
  void end(Verdict verdict);
  [[nodiscard]] std::uint32_t number(std::size_t at) const;

  Part part_ = Part::signature;
  std::uint64_t left_ = 8;                ///< bytes of the part
  std::array<unsigned char, 8> kept_{};   ///< the part's first ones
  std::size_t count_ = 0;                 ///< of these
  std::array<char, 4> type_{};            ///< of the chunk
  std::uint64_t length_ = 0;              ///< of its data
  std::uint32_t crc_ = 0;                 ///< of type and data so far
  std::uint32_t width_ = 0, height_ = 0;  ///< as the first chunk's data has it
  bool first_ = true, image_ = false;     ///< at the first chunk; past image data
  Verdict verdict_;                       ///< once over
};

}  // namespace mjwatchd::images

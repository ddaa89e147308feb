#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {

/// Something for each slot, made when it is first asked for. What it holds never moves.
template <typename Thing>
class BySlot {
 public:
  [[nodiscard]] Thing& operator[](TaskSlot slot) {
    if (slot / kTogether >= chunks_.size()) [[unlikely]]
      grow(slot);
    return (*chunks_[slot / kTogether])[slot % kTogether];
  }
  /// Of a slot that was asked for before.
  [[nodiscard]] const Thing& at(TaskSlot slot) const { return (*chunks_[slot / kTogether])[slot % kTogether]; }

 private:
  /// So many, of whatever size that four divides, fill whole pages of 8 KiB: of others tcmalloc would lose some.
  static constexpr std::size_t kTogether = 2048;
  using Chunk = std::array<Thing, kTogether>;

  /// By itself, so that the way to a slot that is there is short enough to be inlined.
  [[gnu::noinline]] void grow(TaskSlot slot) {
    while (slot / kTogether >= chunks_.size()) chunks_.push_back(std::make_unique<Chunk>());
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
};

}  // namespace mjwatchd

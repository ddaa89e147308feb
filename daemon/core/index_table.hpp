// A set of numbers that are found by what they point to: four bytes each, and a third more for room.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mjwatchd {

/// Open addressing with linear probing; what is taken out leaves no mark behind. `hash_of` answers the
/// digest of what a number points to, as long as the number is in here.
template <typename HashOf>
class IndexTable {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = ~Index{0};

  explicit IndexTable(HashOf hash_of) : hash_of_(hash_of), slots_(kFewest, kNone) {}

  [[nodiscard]] std::size_t size() const { return size_; }

  /// The one for which `is_it` says yes, or kNone.
  template <typename IsIt>
  [[nodiscard]] Index find(std::size_t hash, IsIt is_it) const {
    for (std::size_t at = hash & mask(); slots_[at] != kNone; at = (at + 1) & mask()) {
      if (is_it(slots_[at])) return slots_[at];
    }
    return kNone;
  }

  /// Shows each of those with this digest, and maybe others, to `visit`, which changes nothing here.
  template <typename Visit>
  void each(std::size_t hash, Visit visit) const {
    for (std::size_t at = hash & mask(); slots_[at] != kNone; at = (at + 1) & mask()) visit(slots_[at]);
  }

  void insert(Index index) {
    if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.size() * 2);
    place(index);
    ++size_;
  }

  void erase(Index index) {
    std::size_t hole = slot_of(index);
    // Whoever was pushed on by it, or by one after it, moves up.
    for (std::size_t at = (hole + 1) & mask(); slots_[at] != kNone; at = (at + 1) & mask()) {
      const std::size_t home = hash_of_(slots_[at]) & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = kNone;
    --size_;
    if (slots_.size() > kFewest && size_ * 8 < slots_.size()) resize(slots_.size() / 2);
  }

  /// Both point to what has the same digest.
  void replace(Index old, Index with) { slots_[slot_of(old)] = with; }

 private:
  static constexpr std::size_t kFewest = 64;

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }

  [[nodiscard]] std::size_t slot_of(Index index) const {
    std::size_t at = hash_of_(index) & mask();
    while (slots_[at] != index) {
      assert(slots_[at] != kNone);
      at = (at + 1) & mask();
    }
    return at;
  }

  void place(Index index) {
    std::size_t at = hash_of_(index) & mask();
    while (slots_[at] != kNone) at = (at + 1) & mask();
    slots_[at] = index;
  }

  void resize(std::size_t slots) {
    std::vector<Index> before(slots, kNone);
    before.swap(slots_);
    for (const Index index : before) {
      if (index != kNone) place(index);
    }
  }

  HashOf hash_of_;
  std::vector<Index> slots_;  ///< as many as a power of two
  std::size_t size_ = 0;
};

}  // namespace mjwatchd

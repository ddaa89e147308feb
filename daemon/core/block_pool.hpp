#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace mjwatchd {

/// Room for many lists that come and go, of small items that are only added and then all taken. It is got in large
/// pieces and used again, never given back before the pool's end: with a million items on the move, room of their own
/// from the heap would cost more than what is done with them, and leave it in shreds.
template <typename Item>
class BlockPool {
  using Place = std::uint32_t;  ///< of a block
  static constexpr Place kNone = ~Place{0};

 public:
  /// One of the pool's lists. Must have been taken from when it ends, else its room is lost until the pool's end.
  struct List {
    Place last = kNone;
    std::size_t size = 0;
  };

  void push_back(List& list, const Item& item) {
    const std::size_t at = list.size++ % kTogether;
    if (at == 0) list.last = fresh(list.last);
    block(list.last).items[at] = item;
  }

  /// Empties the list: calls `visit(item)` for each, in no order.
  template <typename Visit>
  void take(List& list, Visit visit) {
    std::size_t in_block = list.size % kTogether == 0 ? kTogether : list.size % kTogether;
    while (list.last != kNone) {
      Block& one = block(list.last);
      for (std::size_t i = 0; i < in_block; ++i) visit(one.items[i]);
      const Place spent = list.last;
      list.last = one.next;
      one.next = free_;
      free_ = spent;
      in_block = kTogether;
    }
    list.size = 0;
  }

 private:
  static constexpr std::size_t kTogether = 63;
  struct Block {
    std::array<Item, kTogether> items;
    Place next;
  };
  static constexpr std::size_t kBlocks = 64;  ///< got at once
  using Piece = std::array<Block, kBlocks>;

  [[nodiscard]] Block& block(Place place) { return (*pieces_[place / kBlocks])[place % kBlocks]; }

  /// A block without items, before which `next` comes.
  Place fresh(Place next) {
    if (free_ == kNone) grow();
    const Place place = free_;
    free_ = block(place).next;
    block(place).next = next;
    return place;
  }

  void grow() {
    pieces_.push_back(std::make_unique_for_overwrite<Piece>());
    const auto end = static_cast<Place>(pieces_.size() * kBlocks);
    for (Place place = end; place-- > end - kBlocks;) {
      block(place).next = free_;
      free_ = place;
    }
  }

  std::vector<std::unique_ptr<Piece>> pieces_;
  Place free_ = kNone;  ///< first of the blocks in no list
};

}  // namespace mjwatchd

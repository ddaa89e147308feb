// Memory for simulated worlds: takes the place of operator new and delete in the program that is linked with it.
//
// A world asks a hundred times a task for a few dozen bytes, and gives nearly all of them back within a virtual minute.
// So each thread keeps by its size what comes back, and hands it out again. Nothing returns to the system. Not for
// sanitizers, which must see each piece by itself.
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>

namespace {

constexpr std::size_t kGrain = 16;      ///< sizes are rounded up to multiples of it
constexpr std::size_t kLargest = 1024;  ///< what is larger comes from malloc
constexpr std::size_t kSizes = kLargest / kGrain + 1;
/// Pieces of one size lie together in a span, which begins at a multiple of this.
constexpr std::size_t kSpan = 64 * 1024;
constexpr std::size_t kRoom = std::size_t{32} << 30;  ///< of addresses; memory is taken as it is used

/// At the beginning of each span.
struct alignas(kGrain) Head {
  std::size_t grains;  ///< in each of its pieces
};
struct Piece {
  Piece* next;
};
/// What a thread has to give, by grains.
struct Stock {
  std::array<Piece*, kSizes> back{};         ///< what came back
  std::array<char*, kSizes> fresh{}, end{};  ///< of the span that is being handed out
};
constinit thread_local Stock stock;

constinit std::uintptr_t room = 0;  ///< its beginning; 0: there is none
constinit std::atomic<std::uintptr_t> next_span{0};
constinit std::once_flag opened;

std::uintptr_t address(const void* piece) { return reinterpret_cast<std::uintptr_t>(piece); }
bool in_room(std::uintptr_t at) { return room != 0 && at - room < kRoom; }

void open_room() {
  void* const got = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) return;
  next_span = (address(got) + kSpan - 1) / kSpan * kSpan;
  room = address(got);
}

void* or_throw(void* got) {
  if (got == nullptr) throw std::bad_alloc();
  return got;
}

/// The first piece of a span that is new, or of malloc when there is no room.
[[gnu::noinline]] void* from_new_span(std::size_t grains) {
  std::call_once(opened, open_room);
  const std::uintptr_t at = next_span.fetch_add(kSpan);
  if (!in_room(at + kSpan - 1)) return or_throw(std::malloc(grains * kGrain));
  new (reinterpret_cast<void*>(at)) Head{grains};
  char* const first = reinterpret_cast<char*>(at) + sizeof(Head);
  stock.fresh[grains] = first + grains * kGrain;
  stock.end[grains] = reinterpret_cast<char*>(at) + kSpan;
  return first;
}

void* take(std::size_t size) {
  if (size > kLargest) return or_throw(std::malloc(size));
  const std::size_t grains = size == 0 ? 1 : (size + kGrain - 1) / kGrain;
  if (Piece* const piece = stock.back[grains]) {
    stock.back[grains] = piece->next;
    return piece;
  }
  char* const piece = stock.fresh[grains];
  if (stock.end[grains] - piece < static_cast<std::ptrdiff_t>(grains * kGrain)) return from_new_span(grains);
  stock.fresh[grains] = piece + grains * kGrain;
  return piece;
}

void give_back(void* piece, std::size_t grains) { stock.back[grains] = new (piece) Piece{stock.back[grains]}; }

}  // namespace

void* operator new(std::size_t size) { return take(size); }

void operator delete(void* piece) noexcept {
  if (!in_room(address(piece))) return std::free(piece);
  give_back(piece, reinterpret_cast<const Head*>(address(piece) / kSpan * kSpan)->grains);
}

void operator delete(void* piece, std::size_t) noexcept { operator delete(piece); }

#include "daemon/os/memory.hpp"

#include <malloc.h>

namespace mjwatchd::os {

void spare_memory() {
  constexpr int kMegabyte = 1 << 20;
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, kMegabyte);
  mallopt(M_MMAP_THRESHOLD, kMegabyte);
}

void give_memory_back() { malloc_trim(0); }

}  // namespace mjwatchd::os

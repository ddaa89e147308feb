#include "daemon/os/memory.hpp"

#include <malloc.h>

namespace mjwatchd::os {

void spare_memory() { mallopt(M_ARENA_MAX, 2); }

void give_memory_back() { malloc_trim(0); }

}  // namespace mjwatchd::os

#include "daemon/os/memory.hpp"

#ifdef MJWATCHD_TCMALLOC
#include <gperftools/malloc_extension_c.h>
#else
#include <malloc.h>
#endif

namespace mjwatchd::os {

#ifdef MJWATCHD_TCMALLOC

namespace {
constexpr std::size_t kThreadsKeep = 2U << 20U;  ///< bytes, all of them together; tcmalloc's own choice are 32 MiB
}

void spare_memory() { MallocExtension_SetNumericProperty("tcmalloc.max_total_thread_cache_bytes", kThreadsKeep); }
void give_memory_back() { MallocExtension_ReleaseFreeMemory(); }

#else

void spare_memory() { mallopt(M_ARENA_MAX, 2); }  // else each thread has one, which keeps what it once needed
void give_memory_back() { malloc_trim(0); }

#endif

}  // namespace mjwatchd::os

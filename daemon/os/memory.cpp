#include "daemon/os/memory.hpp"

#ifdef MJWATCHD_TCMALLOC
#include <gperftools/malloc_extension_c.h>
#endif

namespace mjwatchd::os {

#ifdef MJWATCHD_TCMALLOC

namespace {
constexpr std::size_t kThreadsKeep = 2U << 20U;  ///< bytes, all of them together; tcmalloc's own choice are 32 MiB
}

void spare_memory() { MallocExtension_SetNumericProperty("tcmalloc.max_total_thread_cache_bytes", kThreadsKeep); }
void give_memory_back() { MallocExtension_ReleaseFreeMemory(); }

#else  // a sanitizer's malloc

void spare_memory() {}
void give_memory_back() {}

#endif

}  // namespace mjwatchd::os

// What the C library keeps of the process's memory.
#pragma once

namespace mjwatchd::os {

/// To be called first, before there are threads. Each of them would have an arena of its own, which keeps what it once
/// needed; two were measured to be as fast, and to hold 5 MB less with a million tasks.
void spare_memory();

/// Gives whole pages back that are free among others: 9 MB with a million tasks, which took 2 ms.
void give_memory_back();

}  // namespace mjwatchd::os

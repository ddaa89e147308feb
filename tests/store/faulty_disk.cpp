#include "tests/store/faulty_disk.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace mjwatchd::store::test {
namespace {

std::atomic<int> log_write{SQLITE_OK}, log_sync{SQLITE_OK}, file_sync{SQLITE_OK}, file_read{SQLITE_OK}, synced{0};
std::atomic<bool> holding{false};

/// A file of ours; the real one lies behind it in the same memory.
struct File {
  sqlite3_file base;
  bool log;
  bool main;
};

File* own(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(own(file) + 1); }
const sqlite3_io_methods* methods(sqlite3_file* file) { return real(file)->pMethods; }

int close(sqlite3_file* f) { return methods(f)->xClose(real(f)); }
int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  if (own(f)->main && file_read != SQLITE_OK) return file_read;
  return methods(f)->xRead(real(f), to, n, at);
}
int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  if (own(f)->log && log_write != SQLITE_OK) return log_write;
  return methods(f)->xWrite(real(f), from, n, at);
}
int truncate(sqlite3_file* f, sqlite3_int64 size) { return methods(f)->xTruncate(real(f), size); }
int sync(sqlite3_file* f, int flags) {
  if (own(f)->log) {
    ++synced;
    while (holding) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (log_sync != SQLITE_OK) return log_sync;
  } else if (own(f)->main && file_sync != SQLITE_OK) {
    return file_sync;
  }
  return methods(f)->xSync(real(f), flags);
}
int size(sqlite3_file* f, sqlite3_int64* out) { return methods(f)->xFileSize(real(f), out); }
int lock(sqlite3_file* f, int level) { return methods(f)->xLock(real(f), level); }
int unlock(sqlite3_file* f, int level) { return methods(f)->xUnlock(real(f), level); }
int check_lock(sqlite3_file* f, int* out) { return methods(f)->xCheckReservedLock(real(f), out); }
int control(sqlite3_file* f, int op, void* arg) { return methods(f)->xFileControl(real(f), op, arg); }
int sector(sqlite3_file* f) { return methods(f)->xSectorSize(real(f)); }
int traits(sqlite3_file* f) { return methods(f)->xDeviceCharacteristics(real(f)); }
int shm_map(sqlite3_file* f, int page, int n, int extend, void volatile** out) {
  return methods(f)->xShmMap(real(f), page, n, extend, out);
}
int shm_lock(sqlite3_file* f, int at, int n, int flags) { return methods(f)->xShmLock(real(f), at, n, flags); }
void shm_barrier(sqlite3_file* f) { methods(f)->xShmBarrier(real(f)); }
int shm_unmap(sqlite3_file* f, int remove) { return methods(f)->xShmUnmap(real(f), remove); }

const sqlite3_io_methods kMethods{2,        close,       read,       write,   truncate, sync,   size,
                                  lock,     unlock,      check_lock, control, sector,   traits, shm_map,
                                  shm_lock, shm_barrier, shm_unmap,  nullptr, nullptr};

sqlite3_vfs* system_vfs = nullptr;
sqlite3_vfs shim;

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  own(file)->base.pMethods = nullptr;
  own(file)->log = (flags & SQLITE_OPEN_WAL) != 0;
  own(file)->main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  const int code = system_vfs->xOpen(system_vfs, name, real(file), flags, out_flags);
  if (code == SQLITE_OK) own(file)->base.pMethods = &kMethods;
  return code;
}

}  // namespace

FaultyDisk::FaultyDisk() {
  system_vfs = sqlite3_vfs_find(nullptr);
  if (system_vfs == nullptr) throw std::runtime_error("no file layer");
  shim = *system_vfs;
  shim.zName = "faulty";
  shim.szOsFile = static_cast<int>(sizeof(File)) + system_vfs->szOsFile;
  shim.pNext = nullptr;
  shim.xOpen = open;
  if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK) throw std::runtime_error("the file layer can't be replaced");
}

FaultyDisk::~FaultyDisk() {
  log_write = log_sync = file_sync = file_read = SQLITE_OK;
  holding = false;
  sqlite3_vfs_unregister(&shim);
  sqlite3_vfs_register(system_vfs, 1);
}

void FaultyDisk::writes_to_log(int code) { log_write = code; }
void FaultyDisk::syncs_of_log(int code) { log_sync = code; }
void FaultyDisk::syncs_of_file(int code) { file_sync = code; }
void FaultyDisk::reads_of_file(int code) { file_read = code; }
void FaultyDisk::hold_syncs(bool hold) { holding = hold; }
int FaultyDisk::log_syncs() const { return synced; }

}  // namespace mjwatchd::store::test

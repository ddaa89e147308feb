// A system that fails when it is told to: preloaded into mjwatchd by the chaos and the kill test.
//
// $MJWATCHD_FAULTS names a file that holds a struct faults, which the test writes while the daemon runs.
// Only regular files are hit, and never standard output or error, which the test reads.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum point {
  none, before_sync, after_sync, before_rename, after_rename, before_write, after_write, before_send,
  // Of a picture on its way into its folder.
  before_picture, after_picture, picture_written, picture_synced, folder_synced
};

struct faults {
  _Atomic int32_t write_errno;    // what a write answers; 0: it writes
  _Atomic int32_t sync_errno;     // what fsync and fdatasync answer
  _Atomic int32_t sync_delay_ms;  // how long they take besides
  _Atomic int32_t kill_point;     // enum point: where the process dies …
  _Atomic int32_t kill_countdown; // … at the n-th time it comes there
  _Atomic int32_t killed;         // how often it did
  _Atomic int64_t clock_ms;       // how far the wall clock is off
};

static struct faults* faults;

__attribute__((constructor)) static void map_faults(void) {
  const char* path = getenv("MJWATCHD_FAULTS");
  const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  void* at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) {
    fputs("the faults file can't be mapped\n", stderr);
    abort();
  }
  close(fd);
  faults = at;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name)

static int is_file(int fd) {
  struct stat about;
  return faults != NULL && fd > 2 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

static int ends_as_parts_do(const char* name) {
  const size_t length = strlen(name);
  return length > 5 && strcmp(name + length - 5, ".part") == 0;
}

static int is_part(int fd) {
  char link[32], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 0) return 0;
  name[length] = '\0';
  return ends_as_parts_do(name);
}

static int is_folder(int fd) {
  struct stat about;
  return fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
}

static void pass(enum point point) {
  if (faults == NULL || faults->kill_point != (int32_t)point) return;
  if (atomic_fetch_sub(&faults->kill_countdown, 1) != 1) return;
  faults->kill_point = none;
  ++faults->killed;
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int sync_fails(int fd) {
  if (!is_file(fd)) return 0;
  pass(before_sync);
  const int32_t delay = faults->sync_delay_ms;
  if (delay > 0) usleep((useconds_t)delay * 1000);
  if (faults->sync_errno == 0) return 0;
  errno = faults->sync_errno;
  return 1;
}

int fsync(int fd) {
  REAL(fsync);
  if (sync_fails(fd)) return -1;
  const int result = real(fd);
  if (is_file(fd)) pass(after_sync);
  if (is_part(fd)) pass(picture_synced);
  if (is_folder(fd)) pass(folder_synced);
  return result;
}

int fdatasync(int fd) {
  REAL(fdatasync);
  if (sync_fails(fd)) return -1;
  const int result = real(fd);
  if (is_file(fd)) pass(after_sync);
  return result;
}

static int write_fails(int fd) {
  if (!is_file(fd)) return 0;
  pass(before_write);
  if (faults->write_errno == 0) return 0;
  errno = faults->write_errno;
  return 1;
}

ssize_t write(int fd, const void* bytes, size_t count) {
  REAL(write);
  if (write_fails(fd)) return -1;
  const ssize_t result = real(fd, bytes, count);
  if (is_file(fd)) pass(after_write);
  if (is_part(fd)) pass(picture_written);
  return result;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
  REAL(pwrite);
  if (write_fails(fd)) return -1;
  const ssize_t result = real(fd, bytes, count, at);
  if (is_file(fd)) pass(after_write);
  return result;
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  REAL(pwrite64);
  if (write_fails(fd)) return -1;
  const ssize_t result = real(fd, bytes, count, at);
  if (is_file(fd)) pass(after_write);
  return result;
}

int openat(int folder, const char* name, int flags, ...) {
  REAL(openat);
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  const int making = (flags & O_CREAT) != 0 && ends_as_parts_do(name);
  if (making) pass(before_picture);
  const int result = real(folder, name, flags, mode);
  if (making) pass(after_picture);
  return result;
}

int rename(const char* from, const char* to) {
  REAL(rename);
  pass(before_rename);
  const int result = real(from, to);
  pass(after_rename);
  return result;
}

int renameat(int from_fd, const char* from, int to_fd, const char* to) {
  REAL(renameat);
  pass(before_rename);
  const int result = real(from_fd, from, to_fd, to);
  pass(after_rename);
  return result;
}

int linkat(int from_fd, const char* from, int to_fd, const char* to, int flags) {
  REAL(linkat);
  pass(before_rename);
  const int result = real(from_fd, from, to_fd, to, flags);
  pass(after_rename);
  return result;
}

ssize_t send(int fd, const void* bytes, size_t count, int flags) {
  REAL(send);
  pass(before_send);
  return real(fd, bytes, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  REAL(sendmsg);
  pass(before_send);
  return real(fd, message, flags);
}

// ---- the wall clock

static int64_t off_ms(void) { return faults == NULL ? 0 : faults->clock_ms; }

int clock_gettime(clockid_t clock, struct timespec* now) {
  REAL(clock_gettime);
  const int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    const int64_t ns = now->tv_nsec + off_ms() % 1000 * 1000000 + 1000000000;
    now->tv_sec += off_ms() / 1000 + ns / 1000000000 - 1;
    now->tv_nsec = ns % 1000000000;
  }
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

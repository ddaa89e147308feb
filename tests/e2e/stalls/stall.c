/* Preloaded into the daemon: makes one of its parts hang as a dead disk or a stuck library would, as long as a file
   of that part's name is in the folder $STALL_FOLDER. Built by health_test.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int wanted(const char* part) {
  const char* folder = getenv("STALL_FOLDER");
  char path[512];
  if (folder == NULL) return 0;
  snprintf(path, sizeof path, "%s/%s", folder, part);
  return access(path, F_OK) == 0;
}

static void hang_while(const char* part) {
  while (wanted(part)) usleep(50000);
}

static void judge_sync(int fd) {
  char link[64], path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return;
  path[size] = '\0';
  if (strstr(path, "mjwatchd.db") != NULL) hang_while("store");
  if (strstr(path, "/pictures/") != NULL) hang_while("files");
}

int fsync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  judge_sync(fd);
  return real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  judge_sync(fd);
  return real(fd);
}

/* The loop takes connections on its own thread. */
int accept4(int fd, struct sockaddr* address, socklen_t* size, int flags) {
  static int (*real)(int, struct sockaddr*, socklen_t*, int);
  if (real == NULL) real = (int (*)(int, struct sockaddr*, socklen_t*, int))dlsym(RTLD_NEXT, "accept4");
  hang_while("loop");
  return real(fd, address, size, flags);
}

/* An exchange that libcurl takes and never begins: neither an answer nor a timeout comes of it. */
int curl_multi_add_handle(void* multi, void* easy) {
  static int (*real)(void*, void*);
  if (real == NULL) real = (int (*)(void*, void*))dlsym(RTLD_NEXT, "curl_multi_add_handle");
  return wanted("exchanges") ? 0 : real(multi, easy);
}

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#ifdef __SANITIZE_THREAD__
// curl 7.88 closes a socket that never connected before it says so. The loop then takes a number out of epoll
// which may be a test server's by now: not one that epoll knows, so nothing comes of it.
extern "C" const char* __tsan_default_suppressions() { return "race:mjwatchd::http::Sockets::forget\n"; }
#endif

#include "daemon/os/listen_fds.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <string>
#include <system_error>

#include "tests/os/environment.hpp"

using mjwatchd::os::Descriptor;
using mjwatchd::os::take_named;
using mjwatchd::os::take_passed_sockets;

namespace {

constexpr int kFirst = 200;

// A socket at a fixed number, as systemd leaves it; whoever takes it closes it.
void place_socket(int at, bool listening) {
  const Descriptor fd(socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(fd.valid());
  if (listening) {
    sockaddr_un any{};
    any.sun_family = AF_UNIX;
    REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family) == 0);
    REQUIRE(listen(fd.get(), 1) == 0);
  }
  REQUIRE(dup2(fd.get(), at) == at);
}

std::string own_pid() { return std::to_string(getpid()); }

}  // namespace

TEST_CASE("the socket named control is found among those passed") {
  place_socket(kFirst, true);
  place_socket(kFirst + 1, true);
  const Variable pid("LISTEN_PID", own_pid().c_str());
  const Variable count("LISTEN_FDS", "2");
  const Variable names("LISTEN_FDNAMES", "other:control");
  auto sockets = take_passed_sockets(kFirst);
  REQUIRE(sockets.size() == 2);
  const Descriptor control = take_named(sockets, "control");
  CHECK(control.get() == kFirst + 1);
  CHECK((fcntl(control.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(std::getenv("LISTEN_FDS") == nullptr);
  CHECK_FALSE(take_named(sockets, "control").valid());
}

TEST_CASE("a lone socket without a name is taken") {
  place_socket(kFirst, true);
  const Variable pid("LISTEN_PID", own_pid().c_str());
  const Variable count("LISTEN_FDS", "1");
  const Variable names("LISTEN_FDNAMES", nullptr);
  auto sockets = take_passed_sockets(kFirst);
  CHECK(take_named(sockets, "control").get() == kFirst);
}

TEST_CASE("sockets for another process, or nonsense, are left alone") {
  const Variable names("LISTEN_FDNAMES", "control");
  {
    const Variable pid("LISTEN_PID", "1");
    const Variable count("LISTEN_FDS", "1");
    CHECK(take_passed_sockets(kFirst).empty());
  }
  for (const char* nonsense : {"", "0", "-1", "abc", "1000000"}) {
    const Variable pid("LISTEN_PID", own_pid().c_str());
    const Variable count("LISTEN_FDS", nonsense);
    CHECK(take_passed_sockets(kFirst).empty());
  }
}

TEST_CASE("a passed descriptor that does not listen is an error") {
  place_socket(kFirst, false);
  const Variable pid("LISTEN_PID", own_pid().c_str());
  const Variable count("LISTEN_FDS", "1");
  CHECK_THROWS_AS((void)take_passed_sockets(kFirst), std::system_error);
  close(kFirst);
}

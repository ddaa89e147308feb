#include "daemon/os/sd_notify.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/os/environment.hpp"

using mjwatchd::os::Descriptor;
using mjwatchd::os::Notifier;

namespace {

// What systemd is to the service: a datagram socket with an abstract name.
struct Systemd {
  Systemd() : name("@mjwatchd-test-" + std::to_string(getpid())), fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    REQUIRE(fd.valid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  [[nodiscard]] std::string heard() const {
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(got));
  }
  std::string name;
  Descriptor fd;
};

}  // namespace

TEST_CASE("systemd hears each word of the service's life") {
  const Systemd systemd;
  const Variable socket("NOTIFY_SOCKET", systemd.name.c_str());
  Notifier notifier;
  CHECK(notifier.starting("3 tasks so far", std::chrono::seconds(2)));
  CHECK(systemd.heard() == "EXTEND_TIMEOUT_USEC=2000000\nSTATUS=3 tasks so far");
  CHECK(notifier.ready("watching 3 tasks"));
  CHECK(systemd.heard() == "READY=1\nSTATUS=watching 3 tasks");
  CHECK(notifier.alive());
  CHECK(systemd.heard() == "WATCHDOG=1");
  CHECK(notifier.reloading());
  CHECK(systemd.heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(notifier.stopping());
  CHECK(systemd.heard() == "STOPPING=1");
}

TEST_CASE("a status can't smuggle in another word") {
  const Systemd systemd;
  const Variable socket("NOTIFY_SOCKET", systemd.name.c_str());
  Notifier notifier;
  CHECK(notifier.status("fine\nMAINPID=1"));
  CHECK(systemd.heard() == "STATUS=fine MAINPID=1");
}

TEST_CASE("without a socket, or with a strange one, nothing is sent and nothing breaks") {
  for (const char* address : {"", "/", "@", "relative", "/no/such/socket", "tcp://x"}) {
    const Variable socket("NOTIFY_SOCKET", address);
    Notifier notifier;
    CHECK_FALSE(notifier.connected());
    CHECK_FALSE(notifier.ready());
  }
  const std::string long_name = "/" + std::string(200, 'x');
  const Variable socket("NOTIFY_SOCKET", long_name.c_str());
  CHECK_FALSE(Notifier().connected());
}

TEST_CASE("the watchdog's interval is taken only when it is meant for this process") {
  const Variable interval("WATCHDOG_USEC", "30000000");
  {
    const Variable pid("WATCHDOG_PID", std::to_string(getpid()).c_str());
    CHECK(Notifier().watchdog() == std::chrono::seconds(30));
  }
  {
    const Variable pid("WATCHDOG_PID", "1");
    CHECK_FALSE(Notifier().watchdog().has_value());
  }
  const Variable pid("WATCHDOG_PID", nullptr);
  CHECK(Notifier().watchdog() == std::chrono::seconds(30));
  for (const char* nonsense : {"", "0", "-1", "abc", "99999999999999999999"}) {
    const Variable other("WATCHDOG_USEC", nonsense);
    CHECK_FALSE(Notifier().watchdog().has_value());
  }
}

#include "daemon/os/journal.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

using namespace mjwatchd::os;

namespace {

/// journald's end of the socket, in a folder of its own.
class Daemon {
 public:
  Daemon() {
    char name[] = "/tmp/mjwatchd-journal-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder_ = name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    socket_ = Descriptor(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    REQUIRE(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Daemon() {
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  [[nodiscard]] std::string path() const { return folder_ + "/socket"; }

  /// The next entry, from the datagram or from the file passed with it.
  std::string entry() {
    std::string bytes(1U << 16, '\0');
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room;
    message.msg_controllen = sizeof room;
    const ssize_t got = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    REQUIRE(got >= 0);
    const cmsghdr* const passed = CMSG_FIRSTHDR(&message);
    if (passed == nullptr) return bytes.substr(0, static_cast<std::size_t>(got));
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(passed), sizeof fd);
    const Descriptor file(fd);
    CHECK(fcntl(fd, F_GET_SEALS) == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
    struct stat info {};
    REQUIRE(fstat(fd, &info) == 0);
    std::string out(static_cast<std::size_t>(info.st_size), '\0');
    REQUIRE(pread(fd, out.data(), out.size(), 0) == info.st_size);
    return out;
  }

 private:
  std::string folder_;
  Descriptor socket_;
};

}  // namespace

TEST_CASE("an entry arrives as one datagram") {
  Daemon daemon;
  Journal journal(daemon.path());
  CHECK(journal.send("MESSAGE=hello\nPRIORITY=6\n"));
  CHECK(daemon.entry() == "MESSAGE=hello\nPRIORITY=6\n");
}

TEST_CASE("an entry too large for a datagram arrives as a sealed file") {
  Daemon daemon;
  Journal journal(daemon.path());
  const std::string large = "MESSAGE=" + std::string(4U << 20, 'x') + "\n";
  CHECK(journal.send(large));
  CHECK(daemon.entry() == large);
}

TEST_CASE("a journal that is away or full takes nothing, and nobody waits for it") {
  CHECK_FALSE(Journal("/nowhere/socket").send("MESSAGE=x\n"));
  Daemon daemon;
  Journal journal(daemon.path());
  int taken = 0;
  while (taken < 100000 && journal.send("MESSAGE=x\n")) ++taken;
  CHECK(taken > 0);
  CHECK(taken < 100000);
}

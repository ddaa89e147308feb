// Where a server listens: socket files, addresses, passed descriptors.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;
namespace fs = std::filesystem;

namespace {

ServerHandler fine() {
  ServerHandler handler;
  handler.handle = [](const ServerRequest& request, const ResponderPtr& to) {
    to->reply(text(request.local ? "local" : "remote"));
  };
  return handler;
}

/// A server that nobody runs: only listening matters.
struct Idle {
  asio::io_context io;
  Server server{io, fine()};
};

/// The words of the exception that listening throws, and its code.
std::pair<std::string, int> failure(const std::function<void(Server&)>& listen) {
  Idle idle;
  try {
    listen(idle.server);
  } catch (const std::system_error& error) {
    return {error.what(), error.code().value()};
  }
  return {"", 0};
}

bool says(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

/// Listens, with a short queue, and never accepts.
mjwatchd::os::Descriptor listen_alone(const std::string& path) {
  mjwatchd::os::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = address_of(path);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

/// Leaves a socket file behind that nobody listens on, as a process does that was killed.
void leave_stale(const std::string& path) { listen_alone(path); }

unsigned mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a socket file has the mode that was asked for, whatever the umask, and goes with its server") {
  RunningServer folder(fine());
  for (const unsigned mask : {0U, 0777U, 022U}) {
    for (const unsigned mode : {0600U, 0660U, 0666U}) {
      const auto path = folder.folder() + "/socket";
      const auto before = ::umask(mask);
      {
        Idle idle;
        idle.server.listen_unix(path, mode);
        CHECK(mode_of(path) == mode);
      }
      ::umask(before);
      CHECK_FALSE(fs::exists(path));
    }
  }
}

TEST_CASE("a stale socket file is replaced") {
  RunningServer folder(fine());
  const auto path = folder.folder() + "/stale";
  leave_stale(path);
  folder.on_loop([&] { folder.server().listen_unix(path, 0600); });
  RawClient client(path);
  client.send(get("/"));
  CHECK(client.read().body == "local");
}

TEST_CASE("a socket on which another listens is left alone, also when its queue is full") {
  RunningServer other(fine());
  const auto [words, code] = failure([&](Server& server) { server.listen_unix(other.path(), 0600); });
  CHECK(says(words, "another process listens there"));
  CHECK(says(words, other.path()));
  CHECK(code == EADDRINUSE);
  CHECK(talk(other, get("/"), RawClient::Over::unix_socket).ends_with("local"));

  const auto path = other.folder() + "/busy";
  const auto busy = listen_alone(path);
  const auto address = address_of(path);
  std::vector<mjwatchd::os::Descriptor> queue;
  do {
    queue.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    REQUIRE(queue.size() < 100);
  } while (::connect(queue.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(says(failure([&](Server& server) { server.listen_unix(path, 0600); }).first, "another process listens"));
  CHECK(fs::exists(path));
}

TEST_CASE("whatever is not a socket is never removed") {
  RunningServer folder(fine());
  const auto path = folder.folder() + "/file";
  std::ofstream(path) << "precious";
  CHECK(says(failure([&](Server& server) { server.listen_unix(path, 0600); }).first, "not a socket"));
  std::string content;
  std::ifstream(path) >> content;
  CHECK(content == "precious");
  CHECK(says(failure([&](Server& server) { server.listen_unix(folder.folder(), 0600); }).first, "not a socket"));
  // Not even through a link to a stale socket.
  leave_stale(folder.folder() + "/stale");
  fs::create_symlink(folder.folder() + "/stale", folder.folder() + "/link");
  CHECK(says(failure([&](Server& server) { server.listen_unix(folder.folder() + "/link", 0600); }).first,
             "not a socket"));
  CHECK(fs::is_symlink(folder.folder() + "/link"));
}

TEST_CASE("a path that cannot be a socket's is an error that says why") {
  RunningServer folder(fine());
  const auto listen = [](const std::string& path) {
    return failure([&](Server& server) { server.listen_unix(path, 0600); });
  };
  const std::string longest = folder.folder() + "/" + std::string(107 - folder.folder().size() - 1, 'a');
  CHECK(longest.size() == 107);
  CHECK(listen(longest).first.empty());
  CHECK(says(listen(longest + "a").first, "107 bytes"));
  CHECK(says(listen(longest + "a").first, "108"));
  CHECK(listen(longest + "a").second == ENAMETOOLONG);
  CHECK(says(listen("").first, "empty path"));
  CHECK(says(listen(std::string("/tmp/a\0b", 8)).first, "NUL"));
  CHECK(listen(folder.folder() + "/none/s").second == ENOENT);
}

TEST_CASE("a socket file that is no longer ours is not removed") {
  RunningServer folder(fine());
  const auto path = folder.folder() + "/taken";
  {
    Idle first;
    first.server.listen_unix(path, 0600);
    fs::rename(path, path + ".old");
    std::ofstream(path) << "other";
  }
  CHECK(fs::is_regular_file(path));
}

TEST_CASE("stopping removes the socket file at once") {
  RunningServer server(fine());
  CHECK(fs::exists(server.path()));
  server.stop(milliseconds(1000));
  CHECK_FALSE(fs::exists(server.path()));
}

TEST_CASE("addresses are taken with and without brackets") {
  for (const auto* host : {"127.0.0.1", "localhost", "[::1]", "::1", "0.0.0.0"}) {
    CAPTURE(std::string(host));
    const auto missing = failure([&](Server& server) { server.listen_tcp(host, 0); }).second;
    const bool v6 = std::string(host).find("::") != std::string::npos;
    if (v6 && (missing == EADDRNOTAVAIL || missing == EAFNOSUPPORT)) continue;  // a machine without IPv6
    Idle idle;
    const auto port = idle.server.listen_tcp(host, 0);
    CHECK(port != 0);
    const auto [words, code] = failure([&](Server& server) { server.listen_tcp(host, port); });
    CHECK(code == EADDRINUSE);
    CHECK(says(words, std::string(host) + " port " + std::to_string(port)));
  }
  for (const auto* host : {"", "example.com", "127.0.0.1:80", "[127.0.0.1", "256.0.0.1"}) {
    CAPTURE(std::string(host));
    CHECK(says(failure([&](Server& server) { server.listen_tcp(host, 0); }).first, "must be an address"));
  }
  // Not an address of this machine (TEST-NET-1, RFC 5737).
  CHECK(failure([](Server& server) { server.listen_tcp("192.0.2.1", 0); }).second == EADDRNOTAVAIL);
}

TEST_CASE("passed sockets are served for what they are") {
  RunningServer server(fine());
  const auto path = server.folder() + "/passed";
  const int local = listen_alone(path).release();
  const int remote = ::socket(AF_INET, SOCK_STREAM, 0);  // blocking, and open on exec
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(remote, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(::listen(remote, 8) == 0);
  socklen_t size = sizeof any;
  REQUIRE(::getsockname(remote, reinterpret_cast<sockaddr*>(&any), &size) == 0);
  server.on_loop([&] {
    server.server().listen_fd(local);
    server.server().listen_fd(remote);
  });
  RawClient near(path), far(ntohs(any.sin_port));
  near.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(near.read().body == "local");
  far.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(far.read().status == 400);  // over TCP a Host is needed
  server.destroy();
  CHECK(fs::exists(path));  // systemd's, not ours
}

TEST_CASE("a passed descriptor that does not listen is refused, and closed") {
  const int stream = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(says(failure([&](Server& server) { server.listen_fd(stream); }).first, "does not listen"));
  CHECK(::fcntl(stream, F_GETFD) == -1);
  const int datagram = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK(says(failure([&](Server& server) { server.listen_fd(datagram); }).first, "stream socket"));
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(failure([&](Server& server) { server.listen_fd(file); }).second == ENOTSOCK);
}

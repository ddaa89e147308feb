#include "daemon/http/server_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

namespace mjwatchd::http {

namespace {

constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

sockaddr_un address_of(const std::string& path) {
  if (path.empty()) fail(EINVAL, "cannot listen on an empty path");
  if (path.find('\0') != std::string::npos) fail(EINVAL, "cannot listen on a path that contains a NUL");
  const auto what = "cannot listen on " + path;
  if (path.size() > kLongestPath) {
    fail(ENAMETOOLONG, what + ": the path of a socket may have " + std::to_string(kLongestPath) +
                           " bytes, this one has " + std::to_string(path.size()));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

os::Descriptor new_socket(int family, const std::string& what) {
  os::Descriptor fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) fail(errno, what);
  return fd;
}

template <class Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // NOLINT: what the interface of sockets is
}

std::optional<struct stat> look_at(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return std::nullopt;
  return found;
}

/// Removes the socket file of a process that has gone.
void remove_stale(const std::string& path, const sockaddr_un& address) {
  const auto what = "cannot listen on " + path;
  const auto found = look_at(path);
  if (!found) return;
  if (!S_ISSOCK(found->st_mode)) fail(EEXIST, what + ": something that is not a socket is there");
  const auto probe = new_socket(AF_UNIX, what);
  if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN || errno == EPROTOTYPE) {
    fail(EADDRINUSE, what + ": another process listens there");
  }
  if (errno == ENOENT) return;
  if (errno != ECONNREFUSED) fail(errno, what + ": cannot tell whether another process listens there");
  const auto still = look_at(path);
  if (!still) return;
  if (still->st_ino != found->st_ino || still->st_dev != found->st_dev) {
    fail(EADDRINUSE, what + ": another process has just begun to listen there");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(errno, what + ": the stale socket cannot be removed");
}

int option(int fd, int name, const std::string& what) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) fail(errno, what);
  return value;
}

}  // namespace

ListeningSocket ListeningSocket::open_unix(const std::string& path, unsigned mode) {
  const auto address = address_of(path);
  const auto what = "cannot listen on " + path;
  remove_stale(path, address);
  ListeningSocket made(new_socket(AF_UNIX, what), AF_UNIX);
  if (::bind(made.fd(), generic(address), sizeof address) != 0) fail(errno, what);
  const auto found = look_at(path);
  if (!found) fail(errno, what);
  made.path_ = path;
  made.device_ = found->st_dev;
  made.inode_ = found->st_ino;
  // Whatever the umask is. Nobody can connect before listen().
  if (::chmod(path.c_str(), mode) != 0) fail(errno, what + ": its mode cannot be set");
  if (::listen(made.fd(), SOMAXCONN) != 0) fail(errno, what);
  return made;
}

ListeningSocket ListeningSocket::open_tcp(const std::string& host, std::uint16_t port) {
  const auto what = "cannot listen on " + host + " port " + std::to_string(port);
  auto text = host == "localhost" ? "127.0.0.1" : host;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::error_code error;
  const auto address = asio::ip::make_address(text, error);
  if (error) fail(EINVAL, what + ": it must be an address such as 127.0.0.1 or [::1]");
  const asio::ip::tcp::endpoint endpoint(address, port);
  ListeningSocket made(new_socket(endpoint.protocol().family(), what), endpoint.protocol().family());
  const int on = 1;
  if (::setsockopt(made.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) fail(errno, what);
  if (address.is_v6() && ::setsockopt(made.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) fail(errno, what);
  if (::bind(made.fd(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) fail(errno, what);
  if (::listen(made.fd(), SOMAXCONN) != 0) fail(errno, what);
  return made;
}

ListeningSocket ListeningSocket::adopt(os::Descriptor fd) {
  const auto what = "cannot listen on the passed socket " + std::to_string(fd.get());
  const int family = option(fd.get(), SO_DOMAIN, what);
  const bool known = family == AF_UNIX || family == AF_INET || family == AF_INET6;
  if (!known || option(fd.get(), SO_TYPE, what) != SOCK_STREAM) {
    fail(EINVAL, what + ": it must be a stream socket, Unix or TCP");
  }
  if (option(fd.get(), SO_ACCEPTCONN, what) == 0) fail(EINVAL, what + ": it does not listen");
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) fail(errno, what);
  if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) fail(errno, what);
  return {std::move(fd), family};
}

ListeningSocket::~ListeningSocket() {
  if (path_.empty() || !fd_.valid()) return;
  // First the file, then the socket: after that the file could be another process's with our inode.
  const auto found = look_at(path_);
  if (found && found->st_dev == device_ && found->st_ino == inode_) ::unlink(path_.c_str());
}

std::uint16_t ListeningSocket::port() const {
  if (family_ == AF_UNIX) return 0;
  asio::ip::tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(fd_.get(), endpoint.data(), &size) != 0) fail(errno, "cannot tell the port");
  return endpoint.port();
}

}  // namespace mjwatchd::http

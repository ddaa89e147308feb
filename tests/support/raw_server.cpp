#include "tests/support/raw_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace mjwatchd::test {
namespace {

std::size_t content_length(const std::string& head) {
  constexpr std::string_view name = "\ncontent-length:";
  for (std::size_t at = 0; at + name.size() < head.size(); ++at) {
    if (::strncasecmp(head.data() + at, name.data(), name.size()) == 0) {
      return std::strtoul(head.c_str() + at + name.size(), nullptr, 10);
    }
  }
  return 0;
}

std::string lines(int status, const std::string& headers, std::size_t length) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(length) + "\r\n" + headers +
         "\r\n";
}

}  // namespace

Peer::~Peer() {
  if (fd_ >= 0) ::close(fd_);
}

bool Peer::receive() {
  char piece[16384];
  const ssize_t got = fd_ < 0 ? -1 : ::recv(fd_, piece, sizeof piece, 0);
  if (got <= 0) return false;
  buffer_.append(piece, static_cast<std::size_t>(got));
  return true;
}

std::string Peer::read_head() {
  for (;;) {
    const auto end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos) return read(end + 4);
    if (!receive()) return {};
  }
}

std::string Peer::read(std::size_t count) {
  while (buffer_.size() < count && receive()) {
  }
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, bytes.size());
  return bytes;
}

std::string Peer::read_request() {
  std::string head = read_head();
  return head + read(content_length(head));
}

bool Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = fd_ < 0 ? -1 : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Peer::drip(std::string_view bytes, std::chrono::milliseconds pause) {
  for (const char byte : bytes) {
    if (!send({&byte, 1})) return;
    std::this_thread::sleep_for(pause);
  }
}

void Peer::stall() {
  while (receive()) buffer_.clear();
}

void Peer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

RawServer::RawServer(Script script, const std::string& unix_path) : script_(std::move(script)) {
  listen(unix_path);
  acceptor_ = std::thread([this] { accept(); });
}

RawServer::RawServer(Handler handler)
    : RawServer(Script([this, handler = std::move(handler)](Peer& peer) {
        const std::string request = peer.read_request();
        {
          const std::lock_guard lock(mutex_);
          requests_.push_back(request);
        }
        peer.send(handler(request));
      })) {}

RawServer::~RawServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::size_t RawServer::connections() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

std::vector<std::string> RawServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void RawServer::listen(const std::string& unix_path) {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (unix_path.empty()) {
    auto& four = reinterpret_cast<sockaddr_in&>(address);
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size = sizeof four;
  } else {
    auto& local = reinterpret_cast<sockaddr_un&>(address);
    local.sun_family = AF_UNIX;
    unix_path.copy(local.sun_path, sizeof local.sun_path - 1);
    size = sizeof local;
  }
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  listener_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, plain, size) != 0 || ::listen(listener_, 512) != 0 ||
      ::getsockname(listener_, plain, &size) != 0) {
    throw std::runtime_error(std::string("the test's server cannot listen: ") + std::strerror(errno));
  }
  if (unix_path.empty()) port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
}

void RawServer::accept() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    open_.insert(fd);
    threads_.emplace_back([this, fd, number = accepted_++] { serve(fd, number); });
  }
}

void RawServer::serve(int fd, std::size_t number) {
  Peer peer(fd, number);
  script_(peer);
  const std::lock_guard lock(mutex_);  // closed by the Peer's end, after this is given up
  open_.erase(fd);
}

std::string reply(int status, const std::string& body, const std::string& headers) {
  return lines(status, headers, body.size()) + body;
}

std::string close_reply(int status, const std::string& body, const std::string& headers, std::size_t length) {
  return lines(status, "Connection: close\r\n" + headers, length == ~std::size_t{0} ? body.size() : length) + body;
}

}  // namespace mjwatchd::test

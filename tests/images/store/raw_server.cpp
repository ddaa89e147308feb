#include "tests/images/store/raw_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace mjwatchd::images::test {

RawServer::RawServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("listening");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

RawServer::~RawServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::vector<std::string> RawServer::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}

void RawServer::serve() {
  for (;;) {
    const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    std::string head;
    char piece[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(peer, piece, sizeof piece, 0);
      if (got <= 0) break;
      head.append(piece, static_cast<std::size_t>(got));
    }
    {
      const std::lock_guard lock(mutex_);
      heads_.push_back(head);
    }
    const std::string answer = handler_(head);
    for (std::size_t at = 0; at < answer.size();) {
      const ssize_t sent = ::send(peer, answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += static_cast<std::size_t>(sent);
    }
    ::close(peer);
  }
}

std::string reply(int status, const std::string& body, const std::string& headers, std::size_t length) {
  const std::size_t told = length == ~std::size_t{0} ? body.size() : length;
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(told) +
         "\r\nConnection: close\r\n" + headers + "\r\n" + body;
}

}  // namespace mjwatchd::images::test

#include "tests/webhooks/canned_receiver.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace mjwatchd::webhooks::test {
namespace {

/// False when `stop` says so, or neither will ever move again.
bool readable(int fd, int stop) {
  pollfd both[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
  return ::poll(both, 2, -1) > 0 && both[1].revents == 0;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace

std::string Received::header(std::string_view name) const {
  for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
    const auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    const auto colon = line.find(':');
    if (colon == std::string::npos || lower(line.substr(0, colon)) != name) continue;
    const auto value = line.find_first_not_of(' ', colon + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return {};
}

CannedReceiver::CannedReceiver(std::string reply) : reply_(std::move(reply)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 || ::pipe2(stop_, O_CLOEXEC) != 0) {
    throw std::runtime_error("listening");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

CannedReceiver::~CannedReceiver() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
  ::close(listener_);
}

std::vector<Received> CannedReceiver::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void CannedReceiver::serve() {
  while (readable(listener_, stop_[0])) {
    const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) continue;
    talk(peer);
    ::close(peer);
  }
}

void CannedReceiver::talk(int peer) {
  std::string text;
  std::size_t end = std::string::npos;
  std::size_t length = 0;
  while (end == std::string::npos || text.size() < end + 4 + length) {
    char piece[4096];
    const ssize_t got = readable(peer, stop_[0]) ? ::recv(peer, piece, sizeof piece, 0) : 0;
    if (got <= 0) return;
    text.append(piece, static_cast<std::size_t>(got));
    if (end != std::string::npos || (end = text.find("\r\n\r\n")) == std::string::npos) continue;
    length = static_cast<std::size_t>(std::atoll(Received{text.substr(0, end), {}}.header("content-length").c_str()));
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back({text.substr(0, end), text.substr(end + 4)});
  }
  if (reply_.empty()) {
    readable(peer, stop_[0]);
    return;
  }
  for (std::size_t at = 0; at < reply_.size();) {
    const ssize_t sent = ::send(peer, reply_.data() + at, reply_.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
  }
}

std::string reply(int status, const std::string& body, const std::string& lines) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n" + lines + "\r\n" + body;
}

}  // namespace mjwatchd::webhooks::test

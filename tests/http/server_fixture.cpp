#include "tests/http/server_fixture.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http::test {

namespace {

constexpr int kPatience = 10000;  // ms

std::string new_folder() {
  std::string path = "/tmp/mjwatchd-http-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path);
  return path;
}

void wait_for(int fd, short events) {
  pollfd state{fd, events, 0};
  const int ready = ::poll(&state, 1, kPatience);
  if (ready <= 0) throw std::runtime_error("nothing happened on the connection for 10 s");
}

std::map<std::string, std::string> headers_of(const std::string& head) {
  std::map<std::string, std::string> headers;
  std::size_t at = head.find("\r\n") + 2;
  while (at < head.size()) {
    const auto end = head.find("\r\n", at);
    const auto colon = head.find(": ", at);
    if (end == at || end == std::string::npos || colon == std::string::npos) break;
    headers.emplace(lower(head.substr(at, colon - at)), head.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
  return headers;
}

}  // namespace

RunningServer::RunningServer(ServerHandler handler, ServerLimits limits)
    : work_(asio::make_work_guard(io_)),
      folder_(new_folder()),
      server_(std::make_unique<Server>(io_, std::move(handler), limits)) {
  server_->listen_unix(path(), 0600);
  port_ = server_->listen_tcp("127.0.0.1", 0);
  thread_ = std::thread([this] { io_.run(); });
}

RunningServer::RunningServer(std::function<void(ServerRequest, ResponderPtr)> handle, ServerLimits limits)
    : RunningServer(ServerHandler{std::move(handle), {}, {}}, limits) {}

RunningServer::~RunningServer() {
  destroy();
  work_.reset();
  thread_.join();  // only when nothing of the server waits any more
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

bool RunningServer::settles_at(std::size_t count) {
  const auto end = std::chrono::steady_clock::now() + milliseconds(kPatience);
  while (connections() != count) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

std::chrono::nanoseconds RunningServer::loop_time() {
  clockid_t clock{};
  timespec used{};
  if (::pthread_getcpuclockid(thread_.native_handle(), &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("no processor clock");
  }
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

RawClient::RawClient(const RunningServer& server, Over over) {
  *this = over == Over::tcp ? RawClient(server.port()) : RawClient(server.path());
}

RawClient::RawClient(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(AF_INET, &address, sizeof address);
}

RawClient::RawClient(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  connect(AF_UNIX, &address, sizeof address);
}

void RawClient::connect(int family, const void* address, std::size_t size) {
  fd_ = os::Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd_.valid() || ::connect(fd_.get(), static_cast<const sockaddr*>(address), static_cast<socklen_t>(size)) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    wait_for(fd_.get(), POLLOUT);
    const auto sent = send_some(bytes);
    bytes.remove_prefix(sent);
  }
}

std::size_t RawClient::send_some(std::string_view bytes) {
  const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN) throw std::system_error(errno, std::generic_category(), "send");
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void RawClient::end_sending() { ::shutdown(fd_.get(), SHUT_WR); }

void RawClient::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

bool RawClient::fill() {
  wait_for(fd_.get(), POLLIN);
  char buffer[65536];
  const auto got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (got < 0 && errno != ECONNRESET) throw std::system_error(errno, std::generic_category(), "recv");
  if (got <= 0) return false;
  in_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

std::string RawClient::take(std::size_t bytes) {
  while (in_.size() < bytes) {
    if (!fill()) throw std::runtime_error("the connection ended early, after: " + in_);
  }
  auto taken = in_.substr(0, bytes);
  in_.erase(0, bytes);
  return taken;
}

std::string RawClient::read_until(std::string_view end) {
  while (in_.find(end) == std::string::npos) {
    if (!fill()) throw std::runtime_error("the connection ended early, after: " + in_);
  }
  return take(in_.find(end) + end.size());
}

Reply RawClient::read(bool to_head) {
  Reply reply;
  reply.head = read_until("\r\n\r\n");
  if (!reply.head.starts_with("HTTP/1.1 ")) throw std::runtime_error("not an answer: " + reply.head);
  reply.status = std::stoi(reply.head.substr(9, 3));
  reply.headers = headers_of(reply.head);
  const auto length = reply.headers.find("content-length");
  if (to_head || reply.status < 200 || reply.status == 204 || reply.status == 304) return reply;
  if (length != reply.headers.end()) {
    reply.body = take(std::stoul(length->second));
  } else if (reply.headers.contains("transfer-encoding")) {
    while (true) {
      const auto size = std::stoul(read_until("\r\n"), nullptr, 16);
      reply.body += take(size);
      if (take(2) != "\r\n") throw std::runtime_error("a chunk does not end");
      if (size == 0) break;
    }
  } else {
    reply.body = read_to_end();
  }
  return reply;
}

std::string RawClient::read_to_end() {
  while (fill()) continue;
  return std::exchange(in_, {});
}

std::string RawClient::read_at_least(std::size_t bytes) {
  while (in_.size() < bytes && fill()) continue;
  return std::exchange(in_, {});
}

std::string talk(const RunningServer& server, std::string_view bytes, RawClient::Over over) {
  RawClient client(server, over);
  client.send(bytes);
  client.end_sending();
  return client.read_to_end();
}

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

ServerResponse text(std::string body, int status) {
  ServerResponse response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

}  // namespace mjwatchd::http::test

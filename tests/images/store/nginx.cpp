#include "tests/images/store/nginx.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace mjwatchd::images::test {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int socket_on(std::uint16_t port, bool listen, std::uint16_t* got) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  const int result = listen ? ::bind(fd, plain, size) : ::connect(fd, plain, size);
  if (result == 0 && got != nullptr && ::getsockname(fd, plain, &size) == 0) *got = ntohs(address.sin_port);
  ::close(fd);
  return result;
}

}  // namespace

Nginx::Nginx(const std::filesystem::path& folder, const std::filesystem::path& root) {
  if (socket_on(0, true, &port_) != 0) throw std::runtime_error("no port");
  const std::string base = folder.string();
  std::ofstream(folder / "nginx.conf") << "daemon off; master_process off; pid " << base << "/nginx.pid; error_log "
                                       << base << "/error.log;\n"
                                       << "events {}\nhttp { access_log off; client_body_temp_path " << base
                                       << "/b; proxy_temp_path " << base << "/p; fastcgi_temp_path " << base
                                       << "/f; uwsgi_temp_path " << base << "/u; scgi_temp_path " << base << "/s;\n"
                                       << "server { listen 127.0.0.1:" << port_ << "; root " << root.string()
                                       << "; } }\n";
  const std::string config = base + "/nginx.conf", log = base + "/error.log";
  process_ = ::fork();
  if (process_ == 0) {
    ::execl("/usr/sbin/nginx", "nginx", "-e", log.c_str(), "-p", base.c_str(), "-c", config.c_str(), nullptr);
    ::_exit(127);
  }
  for (int i = 0; i < 500; ++i) {
    if (socket_on(port_, false, nullptr) == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("nginx did not come up");
}

std::string Nginx::ask(std::string request) const {
  request.insert(request.find("\r\n") + 2, "Connection: close\r\n");
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port_);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    std::array<char, 65536> piece{};
    for (ssize_t got = 0; (got = ::recv(fd, piece.data(), piece.size(), 0)) > 0;) {
      answer.append(piece.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer;
}

Nginx::~Nginx() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
}

}  // namespace mjwatchd::images::test

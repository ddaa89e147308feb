#include "daemon/os/listen_fds.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

namespace mjwatchd::os {
namespace {

// More than any unit of ours has; a wild number must not make us adopt other people's descriptors.
constexpr int kMost = 64;

std::optional<int> number(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view view(text);
  int value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (view.empty() || error != std::errc{} || end != view.data() + view.size()) return std::nullopt;
  return value;
}

std::string next_name(std::string& names) {
  const auto colon = names.find(':');
  std::string name = names.substr(0, colon);
  names.erase(0, colon == std::string::npos ? names.size() : colon + 1);
  return name.empty() ? "unknown" : name;
}

void check_listening(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "socket " + std::to_string(fd) + " from systemd");
  }
  if (listening == 0) {
    throw std::system_error(EINVAL, std::generic_category(),
                            "socket " + std::to_string(fd) + " from systemd does not listen");
  }
}

}  // namespace

std::vector<PassedSocket> take_passed_sockets(int first) {
  const auto pid = number(std::getenv("LISTEN_PID"));
  const auto count = number(std::getenv("LISTEN_FDS"));
  const char* given = std::getenv("LISTEN_FDNAMES");
  std::string names = given == nullptr ? "" : given;
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) unsetenv(variable);
  if (!pid || *pid != getpid() || !count || *count < 1 || *count > kMost) return {};
  std::vector<PassedSocket> out;
  for (int fd = first; fd < first + *count; ++fd) {
    check_listening(fd);
    out.push_back({next_name(names), Descriptor(fd)});
  }
  return out;
}

Descriptor take_named(std::vector<PassedSocket>& sockets, const std::string& name) {
  for (PassedSocket& socket : sockets) {
    if (socket.name == name || (sockets.size() == 1 && socket.name == "unknown")) {
      return std::exchange(socket.fd, Descriptor());
    }
  }
  return {};
}

}  // namespace mjwatchd::os

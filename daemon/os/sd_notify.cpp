#include "daemon/os/sd_notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::os {
namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stop != end || stop == text) return std::nullopt;
  return value;
}

Descriptor connect_to(const char* address) {
  const std::size_t length = address == nullptr ? 0 : std::strlen(address);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (length < 2 || length >= sizeof name.sun_path || (address[0] != '/' && address[0] != '@')) return {};
  std::memcpy(name.sun_path, address, length);
  if (address[0] == '@') name.sun_path[0] = '\0';  // the abstract namespace of unix(7)
  Descriptor out(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.valid()) return {};
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  if (connect(out.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) return {};
  return out;
}

// A line break would begin another assignment.
std::string one_line(std::string_view text) { return on_one_line(std::string(text.substr(0, 1024))); }

}  // namespace

Notifier::Notifier() : socket_(connect_to(std::getenv("NOTIFY_SOCKET"))) {
  const auto interval = number_in("WATCHDOG_USEC");
  const auto pid = number_in("WATCHDOG_PID");
  const bool ours = std::getenv("WATCHDOG_PID") == nullptr || pid == static_cast<std::uint64_t>(getpid());
  if (interval && *interval > 0 && *interval <= INT64_MAX && ours) {
    watchdog_ = std::chrono::microseconds(static_cast<std::int64_t>(*interval));
  }
}

bool Notifier::starting(std::string_view status, std::chrono::microseconds enough) {
  return send("EXTEND_TIMEOUT_USEC=" + std::to_string(enough.count()) + "\nSTATUS=" + one_line(status));
}
bool Notifier::ready(std::string_view status) {
  return send(status.empty() ? "READY=1" : "READY=1\nSTATUS=" + one_line(status));
}
bool Notifier::stopping() { return send("STOPPING=1"); }
bool Notifier::alive() { return send("WATCHDOG=1"); }
bool Notifier::status(std::string_view text) { return send("STATUS=" + one_line(text)); }

bool Notifier::reloading() {
  timespec now{};
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return false;
  const auto micros =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
  return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(micros));
}

bool Notifier::send(const std::string& message) {
  if (!socket_.valid()) return false;
  return ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(message.size());
}

}  // namespace mjwatchd::os

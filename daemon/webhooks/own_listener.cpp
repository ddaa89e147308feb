#include "daemon/webhooks/own_listener.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::webhooks {
namespace {

bool unspecified(const Address& address) {
  const auto zero = [](std::uint8_t byte) { return byte == 0; };
  const auto four = address.bytes.begin() + 12;
  return std::all_of(is_ipv4(address) ? four : address.bytes.begin(), address.bytes.end(), zero);
}

// Only an address of this machine can be bound to. Lists of interfaces don't name all of 127.0.0.0/8.
bool of_this_machine(const Address& address) {
  const bool four = is_ipv4(address);
  const os::Descriptor probe(::socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe.valid()) return true;  // rather refused than let through
  if (four) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, address.bytes.data() + 12, 4);
    return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  std::memcpy(&to.sin6_addr, address.bytes.data(), 16);
  return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

}  // namespace

bool OwnListener::takes(const Address& to, std::uint16_t at) const {
  if (at != port) return false;
  // Connecting to 0.0.0.0 or :: reaches this machine, too.
  if (address) return to == *address || unspecified(to);
  return unspecified(to) || of_this_machine(to);
}

OwnListener listener_at(const std::string& host, std::uint16_t port) {
  OwnListener listener{parse_address(host), port};
  if (listener.address && unspecified(*listener.address)) listener.address.reset();
  return listener;
}

std::optional<OwnListener> listener_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto& known = reinterpret_cast<sockaddr&>(storage);
  if (::getsockname(fd, &known, &length) != 0) return std::nullopt;
  const auto address = address_of(known);
  if (!address) return std::nullopt;
  return listener_at(to_string(*address), port_of(known));
}

}  // namespace mjwatchd::webhooks

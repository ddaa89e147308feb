// Where the daemon itself listens on TCP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/webhooks/address.hpp"

namespace mjwatchd::webhooks {

/// A webhook that led there would be the daemon speaking to itself.
struct OwnListener {
  std::optional<Address> address;  ///< none: every address of this machine
  std::uint16_t port = 0;

  /// Whether a connection to this address and port would be taken here.
  [[nodiscard]] bool takes(const Address& address, std::uint16_t port) const;
};

/// As control.listen says it. A name may mean any address of this machine.
[[nodiscard]] OwnListener listener_at(const std::string& host, std::uint16_t port);
/// Of a socket that was passed; nothing when it is no TCP socket.
[[nodiscard]] std::optional<OwnListener> listener_of(int fd);

}  // namespace mjwatchd::webhooks

// Tells systemd how the service is doing: the datagram protocol of sd_notify(3), whose authors
// recommend speaking it over linking their library.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::os {

/// Speaks to $NOTIFY_SOCKET; without one, every call does nothing. A lost datagram is not an error:
/// the answers say whether it was sent. Any one thread.
class Notifier {
 public:
  /// Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. An address that can't be used counts as none.
  Notifier();

  /// It is getting on with its start, which may take longer than systemd waits by itself (TimeoutStartSec): the next
  /// such word, or ready(), comes within `enough`.
  bool starting(std::string_view status, std::chrono::microseconds enough);
  bool ready(std::string_view status = {});
  bool stopping();
  /// To be followed by ready() when the new configuration is in force or was refused.
  bool reloading();
  /// "I am alive": to be sent at a third of watchdog(), only while work moves.
  bool alive();
  /// One line for `systemctl status`.
  bool status(std::string_view text);

  /// Without a sign of life for this long systemd kills the service; nothing when it does not watch.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }
  [[nodiscard]] bool connected() const { return socket_.valid(); }

 private:
  bool send(const std::string& message);

  Descriptor socket_;
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace mjwatchd::os

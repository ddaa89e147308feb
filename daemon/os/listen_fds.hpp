// Sockets handed over at start by systemd: the protocol of sd_listen_fds(3).
#pragma once

#include <string>
#include <vector>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::os {

struct PassedSocket {
  std::string name;  ///< FileDescriptorName= of the socket unit; "unknown" when none was said
  Descriptor fd;     ///< listening, closed on exec
};

/// The listening sockets meant for this process ($LISTEN_PID), each once: the variables are removed,
/// so that no child takes them for its own. Throws std::system_error when one of them can't be used,
/// for a service that silently ignores its socket would answer nobody. `first` is for tests.
[[nodiscard]] std::vector<PassedSocket> take_passed_sockets(int first = 3);

/// The one named `name`; a lone socket without a name is taken too. None is -1.
[[nodiscard]] Descriptor take_named(std::vector<PassedSocket>& sockets, const std::string& name);

}  // namespace mjwatchd::os

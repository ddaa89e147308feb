// The journal's native protocol: one datagram of fields an entry, systemd.io/JOURNAL_NATIVE_PROTOCOL.
#pragma once

#include <string>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::os {

/// The sending end. Owned by the log's sink; one thread at a time.
class Journal {
 public:
  explicit Journal(std::string path = "/run/systemd/journal/socket");

  /// False when journald did not take it. Never waits. An entry too large for a datagram is passed as a
  /// sealed file in memory.
  bool send(const std::string& entry);

 private:
  bool send_file(const std::string& entry);

  std::string path_;
  Descriptor socket_;
};

}  // namespace mjwatchd::os

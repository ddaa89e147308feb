// Sockets that listen: made, taken over, and put away again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::http {

/// A listening, non-blocking socket. A socket file that it made is removed with it, before it stops
/// listening and only if it is still the same file. Errors are std::system_error that name the place.
class ListeningSocket {
 public:
  /// Replaces a socket file that nobody listens on; never anything else.
  [[nodiscard]] static ListeningSocket open_unix(const std::string& path, unsigned mode);
  /// `host` is an address, with or without brackets, or "localhost" (127.0.0.1). No names are looked up.
  [[nodiscard]] static ListeningSocket open_tcp(const std::string& host, std::uint16_t port);
  /// A socket that listens already, as systemd passes it.
  [[nodiscard]] static ListeningSocket adopt(os::Descriptor fd);

  ListeningSocket(ListeningSocket&& other) noexcept = default;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] int family() const { return family_; }
  /// The TCP port; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const;

 private:
  ListeningSocket(os::Descriptor fd, int family) : fd_(std::move(fd)), family_(family) {}

  os::Descriptor fd_;
  int family_;
  std::string path_;  ///< of a socket file to remove
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace mjwatchd::http

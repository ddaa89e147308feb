// When a handle can be used again as it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <tuple>

#include "daemon/http/client.hpp"

namespace mjwatchd::http {

/// The options of a plain POST that the next one to the same place has, too: to set some thirty of them again for each
/// webhook is work that nobody needs.
class Likeness {
  static auto parts(const Request& of) {
    return std::tie(of.url, of.proxy, of.ca_file, of.client_cert_file, of.unix_socket, of.connect_timeout, of.timeout,
                    of.connection_life, of.read_at_once, of.accept_encoding);
  }

 public:
  explicit Likeness(const Request& request) : parts_(parts(request)) {}

  [[nodiscard]] bool fits(const Request& request) const { return plain(request) && parts(request) == parts_; }
  /// Others leave options behind that are theirs alone.
  [[nodiscard]] static bool plain(const Request& request) {
    return request.method == "POST" && request.body && request.upload_file.empty() && request.userpwd.empty() &&
           request.aws_sigv4.empty();
  }

 private:
  std::tuple<std::string, std::string, std::string, std::string, std::string, milliseconds, milliseconds,
             std::chrono::seconds, std::size_t, bool>
      parts_;
};

}  // namespace mjwatchd::http

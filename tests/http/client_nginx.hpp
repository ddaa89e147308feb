// An nginx that speaks TLS, for tests of what the client trusts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace mjwatchd::http::test {

/// A temporary folder with self-signed certificates in it. Each is its own authority, with its key in
/// the same file.
class Certificates {
 public:
  /// Throws std::runtime_error when openssl does not make one.
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  /// Path of a certificate for this host, as in "IP:127.0.0.1"; made on first use.
  std::string of(const std::string& name, const std::string& host);
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

/// Answers 200 "trusted" to everything over TLS with this certificate, on a port of its own.
class Nginx {
 public:
  /// `settings` are further lines of the server block.
  Nginx(const Certificates& certificates, const std::string& certificate, const std::string& settings = "");
  ~Nginx();
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  [[nodiscard]] static bool installed();
  [[nodiscard]] std::string url() const { return "https://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

}  // namespace mjwatchd::http::test

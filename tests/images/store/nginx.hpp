// A real nginx of the test's own, on a port of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace mjwatchd::images::test {

/// Serves `root` until its end. Throws std::runtime_error when nginx does not come up.
class Nginx {
 public:
  /// `folder` is for its configuration and logs.
  Nginx(const std::filesystem::path& folder, const std::filesystem::path& root);
  ~Nginx();
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;
  /// Sends a request as it is, with "Connection: close"; the whole answer as it comes.
  [[nodiscard]] std::string ask(std::string request) const;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

}  // namespace mjwatchd::images::test

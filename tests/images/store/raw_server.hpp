// A server that answers exactly the bytes a test wants, and remembers what it was asked.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mjwatchd::images::test {

/// One connection at a time, closed after each answer. The handler runs on the server's thread.
class RawServer {
 public:
  /// Takes a request's head, answers the whole reply, head and all.
  using Handler = std::function<std::string(const std::string& head)>;
  explicit RawServer(Handler handler);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<std::string> heads() const;

 private:
  void serve();

  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;
  std::thread thread_;
};

/// "HTTP/1.1 <status>" with a true Content-Length (or the one given) and further header lines.
[[nodiscard]] std::string reply(int status, const std::string& body, const std::string& headers = "",
                                std::size_t length = ~std::size_t{0});

}  // namespace mjwatchd::images::test

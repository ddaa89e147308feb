// A receiver that answers exactly the bytes a test wants, over a real socket, and remembers what came.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mjwatchd::webhooks::test {

/// A request as it came over the wire.
struct Received {
  std::string head;  ///< request line and header lines, without the empty line
  std::string body;
  /// First header of that (lower-case) name; empty when absent.
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// Listens on a free port of 127.0.0.1; one connection at a time, one request a connection.
class CannedReceiver {
 public:
  /// Sends `reply` to each request; an empty one is never sent: the connection stays silent until
  /// the sender leaves or this ends.
  explicit CannedReceiver(std::string reply);
  ~CannedReceiver();
  CannedReceiver(const CannedReceiver&) = delete;
  CannedReceiver& operator=(const CannedReceiver&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  [[nodiscard]] std::vector<Received> requests() const;

 private:
  void serve();
  void talk(int peer);

  std::string reply_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};  ///< a pipe; its end wakes the thread
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Received> requests_;
  std::thread thread_;
};

/// "HTTP/1.1 <status> X" with a true Content-Length; `lines` are further header lines, each with CRLF.
[[nodiscard]] std::string reply(int status, const std::string& body = "", const std::string& lines = "");

}  // namespace mjwatchd::webhooks::test

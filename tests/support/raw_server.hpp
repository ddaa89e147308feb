// A server that does to a connection exactly what a test wants: any bytes, cut, stalled or dripped.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mjwatchd::test {

/// One connection, as a script sees it. Blocking calls; used on the connection's thread only.
class Peer {
 public:
  Peer(int fd, std::size_t number) : fd_(fd), number_(number) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer();

  /// 0 for the server's first connection.
  [[nodiscard]] std::size_t number() const { return number_; }
  /// The next request, head and (by its Content-Length) body; empty at the connection's end.
  std::string read_request();
  /// The next request's head only.
  std::string read_head();
  /// Up to `count` bytes more; fewer at the connection's end.
  std::string read(std::size_t count);
  /// False when the client is gone.
  bool send(std::string_view bytes);
  /// Byte by byte.
  void drip(std::string_view bytes, std::chrono::milliseconds pause);
  /// Does nothing until the client closes (or the server's end).
  void stall();
  /// Ends the connection with a reset; without it, it is closed in order after the script.
  void reset();

 private:
  bool receive();

  int fd_;
  std::size_t number_;
  std::string buffer_;
};

/// Listens on 127.0.0.1 or a Unix socket; runs the script for each connection, on a thread of its
/// own. The end shuts every connection down and waits for the threads.
class RawServer {
 public:
  using Script = std::function<void(Peer&)>;
  /// Takes a request (head and body), answers the whole reply.
  using Handler = std::function<std::string(const std::string& request)>;

  explicit RawServer(Script script, const std::string& unix_path = "");
  /// One request a connection, as close_reply() wants.
  explicit RawServer(Handler handler);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Accepted so far.
  [[nodiscard]] std::size_t connections() const;
  /// What a Handler was given so far.
  [[nodiscard]] std::vector<std::string> requests() const;

 private:
  void listen(const std::string& unix_path);
  void accept();
  void serve(int fd, std::size_t number);

  Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::size_t accepted_ = 0;
  std::set<int> open_;
  std::vector<std::string> requests_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// "HTTP/1.1 <status>" with a true Content-Length, further header lines and the body.
[[nodiscard]] std::string reply(int status, const std::string& body, const std::string& headers = "");
/// The same with "Connection: close", and the Content-Length given, true or not.
[[nodiscard]] std::string close_reply(int status, const std::string& body, const std::string& headers = "",
                                      std::size_t length = ~std::size_t{0});

}  // namespace mjwatchd::test

// The sockets curl waits for.
#pragma once

#include <curl/curl.h>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace mjwatchd::http {

/// Says which are ready. They stand in an epoll set of their own, which Asio waits for as one descriptor: a connection
/// that is used again costs no call to the kernel, and all answers that have come are found by one. curl owns the
/// sockets. While nothing is wanted of any, no wait is out, so that the loop may end. Loop thread only; `io` must
/// outlive it.
class Sockets {
 public:
  /// `events` are CURL_CSELECT_*. It may call anything here, and destroy this.
  using Ready = std::function<void(curl_socket_t socket, int events)>;

  /// Throws std::system_error.
  Sockets(asio::io_context& io, Ready ready);
  ~Sockets();
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  /// A socket that was opened for curl and has never been wanted. If its number is that of one which was closed without
  /// telling, curl may believe that it waits for this: then it does.
  void opened(curl_socket_t socket);
  /// `what` is one of CURL_POLL_*. One of which nothing is wanted stays where it is, for its next use.
  void want(curl_socket_t socket, int what);
  /// It is closed, or will be, or is none of ours.
  void forget(curl_socket_t socket);
  /// Whether opened() told of it, and an answer was waited for: then it was connected.
  [[nodiscard]] bool may_rest(curl_socket_t socket) const;

 private:
  struct Socket {
    int wanted = CURL_POLL_NONE;
    int told = CURL_POLL_NONE;  ///< to the kernel
    bool known = false;         ///< stands in the set
    bool ours = false;
    std::uint32_t round = 0;  ///< tells it from others that had its number before
  };

  void tell(curl_socket_t number, Socket& socket, int what);
  void fail_soon(curl_socket_t number, std::uint32_t round);
  void wait();
  void waited(bool something);
  void look();
  void report(curl_socket_t number, std::uint32_t round, std::uint32_t events);

  asio::io_context& io_;
  Ready ready_;
  asio::posix::stream_descriptor set_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< what queued handlers hold
  std::unordered_map<curl_socket_t, Socket> sockets_;
  std::size_t wanted_ = 0;  ///< sockets of which something is wanted
  std::uint32_t rounds_ = 0;
  bool waiting_ = false;
};

}  // namespace mjwatchd::http

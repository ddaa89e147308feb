// One of curl's sockets, watched by Asio.
#pragma once

#include <curl/curl.h>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <memory>
#include <system_error>

namespace mjwatchd::http {

class Multi;

/// Tells the multi handle when a socket of its is ready. curl owns the socket: it is taken when
/// something is first wanted of it and given back, never closed, by stop(). Waits are one-shot and armed
/// again after each report, as long as curl still wants them; with nothing wanted none is out, so that the
/// loop may end. Handlers that were already queued when the watch was stopped run late; they hold the
/// watch and find it dead.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(asio::io_context& io, Multi& multi, curl_socket_t socket);
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// `what` is one of CURL_POLL_*.
  void want(int what);
  [[nodiscard]] int wanted() const { return wanted_; }
  /// Gives the socket back. After this nothing is reported.
  void stop();

 private:
  void rest();
  void arm();
  void wait(int direction, bool& waiting);
  void on_ready(int direction, std::error_code error);

  asio::posix::stream_descriptor descriptor_;
  Multi* multi_;  ///< null: dead
  curl_socket_t socket_;
  int wanted_ = CURL_POLL_NONE;
  bool reading_ = false, writing_ = false;  ///< a wait is out
};

}  // namespace mjwatchd::http

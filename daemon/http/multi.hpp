// A curl multi handle whose sockets and timer are Asio's.
#pragma once

#include <curl/curl.h>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "daemon/http/sockets.hpp"

namespace mjwatchd::http {

/// Drives the easy handles that were added, and tells which are finished. Loop thread only; `io`
/// must outlive it. It must not be destroyed while busy().
class Multi {
 public:
  /// Called outside of curl; the handle is still added and is to be removed. It must not destroy the
  /// Multi.
  using Finished = std::function<void(CURL* easy, CURLcode result)>;
  /// Asked from inside curl whether the handle's connection stands, so that its request may go out.
  using Connected = std::function<bool(CURL* easy)>;

  /// Throws std::bad_alloc and std::system_error.
  Multi(asio::io_context& io, std::size_t max_connections, Finished finished, Connected connected);
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  /// Nothing is called back from inside add() and remove(). Neither may be used while busy().
  CURLMcode add(CURL* easy) { return curl_multi_add_handle(multi_.get(), easy); }
  void remove(CURL* easy) { curl_multi_remove_handle(multi_.get(), easy); }

  /// Opens a socket for curl, which is to close it by on_close() (CURLOPT_CLOSESOCKETFUNCTION, with this as
  /// its data): once connected it stays with the loop as long as it is open. CURL_SOCKET_BAD, with errno,
  /// when there is none.
  curl_socket_t open(const curl_sockaddr& address);
  static int on_close(void* self, curl_socket_t socket) noexcept;

  /// Has curl go on with a handle whose writing was paused; it may call back from inside this.
  CURLcode go_on(CURL* easy);

  /// True from inside curl's callbacks.
  [[nodiscard]] bool busy() const { return busy_; }

  /// Whether curl is to be called again without any socket's doing, and was when it wanted to be, give or
  /// take `patience`. With an exchange in flight that has a time limit, anything else means that none moves.
  [[nodiscard]] bool keeps_time(std::chrono::milliseconds patience) const;

  /// Has curl act on a socket (CURL_CSELECT_*) or on its timer (CURL_SOCKET_TIMEOUT, 0).
  void act(curl_socket_t socket, int events);

 private:
  using Clock = std::chrono::steady_clock;
  struct Free {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* unused) noexcept;
  static int on_timer(CURLM* multi, long ms, void* self) noexcept;

  void watch(CURL* easy, curl_socket_t socket, int what);
  void set_timer(long ms);
  void kick();
  void arm_timer();
  void on_timer_fired(std::uint64_t round);
  void keep_timer();
  void drain();

  asio::io_context& io_;
  Finished finished_;
  Connected connected_;
  std::shared_ptr<Multi*> alive_;  ///< what queued handlers hold; null inside once destroyed
  Sockets sockets_;
  asio::steady_timer timer_;
  Clock::time_point timed_{};          ///< when curl's timer was last acted on
  Clock::time_point due_, armed_for_;  ///< when curl wants to be called; when we wake
  std::uint64_t round_ = 0;            ///< of the timer's wait; older ones are void
  bool wanted_ = false, armed_ = false, kicked_ = false;
  bool busy_ = false;
  std::unique_ptr<CURLM, Free> multi_;
};

}  // namespace mjwatchd::http

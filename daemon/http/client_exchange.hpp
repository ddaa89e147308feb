// One HTTP exchange, from its options to its response: what curl calls back to.
#pragma once

#include <curl/curl.h>

#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/http/client.hpp"
#include "daemon/http/client_fault.hpp"
#include "daemon/http/client_head.hpp"
#include "daemon/http/client_upload.hpp"
#include "daemon/http/easy.hpp"

namespace mjwatchd::http {

class Multi;

/// Holds the request while curl works on it and fills the response. curl holds its address: it must
/// not move or go before release(). Loop thread only.
class Exchange {
 public:
  using Done = std::function<void(Response)>;
  /// Asked, from inside curl, to end an exchange as soon as curl can be called again.
  using EndSoon = std::function<void(const Exchange&)>;

  Exchange(Client::CallId id, Request request, Done done, const EndSoon& end_soon);

  [[nodiscard]] Client::CallId id() const { return id_; }
  [[nodiscard]] const Request& request() const { return request_; }

  /// Sets every option on the handle, which is to be added to `multi`; those it has from a request like this one are
  /// not set again. False when the request can't be made: it is then ended.
  bool prepare(std::unique_ptr<Easy> easy, Multi& multi);
  [[nodiscard]] Easy* easy() const { return easy_.get(); }
  /// Gives the handle back. To be called when curl no longer works on it.
  std::unique_ptr<Easy> release();

  /// Decides the outcome. The first call counts; the user's on_head and on_body are not called any more.
  void end(Fault fault, std::string detail);
  [[nodiscard]] bool ended() const { return response_.fault != Fault::none; }

  /// The response, once curl is done with `code` or end() was called; before release().
  Response conclude(CURLcode code);
  Done take_done() { return std::move(done_); }

  /// Bytes moved and steps taken so far, to see whether anything does.
  [[nodiscard]] std::uint64_t progress() const;

  /// Whether the connection that is in use stands; from inside curl.
  [[nodiscard]] bool connected() const { return connected_; }

  bool added = false;   ///< to the multi handle
  bool held = false;    ///< nothing more is to be given to on_body
  bool paused = false;  ///< curl was told so
  std::optional<asio::steady_timer> stall_timer;
  std::uint64_t last_progress = 0;
  int still_looks = 0;  ///< times in a row that progress() stayed

 private:
  static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_piece(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static int on_connected(void* self, char* ip, char* local_ip, int port, int local_port) noexcept;

  [[nodiscard]] bool proxied() const { return !request_.proxy.empty() && request_.unix_socket.empty(); }
  [[nodiscard]] bool guarded() const { return request_.guard && !proxied() && request_.unix_socket.empty(); }
  std::string wrong_request() const;
  void set_method();
  void set_headers();
  void set_limits();
  void set_route();
  void set_tls();
  void set_callbacks();
  void set_called_back();
  void set_what_lasts();

  bool take_line(std::string_view line);
  bool take_head();
  bool take_piece(std::string_view piece);
  bool allowed(const sockaddr& address);
  [[nodiscard]] Situation situation() const;

  Client::CallId id_;
  Request request_;
  Done done_;
  const EndSoon& end_soon_;
  Response response_;
  HeadReader head_;
  std::uint64_t received_ = 0;
  bool connected_ = false;
  bool begun_ = false;     ///< by curl: what the handle tells is of this exchange
  unsigned requests_ = 0;  ///< sent, or about to be
  Upload upload_;
  std::unique_ptr<Easy> easy_;
  Multi* multi_ = nullptr;  ///< what the handle was prepared for
};

}  // namespace mjwatchd::http

// libcurl's multi interface on Asio: every outgoing HTTP exchange of the daemon.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace mjwatchd::http {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Judges the address about to be connected to (also that of a reused connection). Answers nothing
/// to allow it, or why not.
using AddressGuard = std::function<std::optional<std::string>(const sockaddr& address)>;

/// Why an exchange got no complete answer.
enum class Fault : std::uint8_t {
  none,
  invalid_url,  ///< or a method or header that can't be sent
  dns,
  connect,
  tls,
  timeout,
  broken,           ///< cut connection, bad chunking, length not kept
  refused_address,  ///< the guard said no; `detail` holds its words
  too_large,        ///< over max_body
  aborted,          ///< on_body or on_head answered false or threw, or upload_file could not be read
  proxy,            ///< the configured proxy could not be reached or would not go on
  cancelled         ///< cancel() or the client's end
};

struct Header {
  std::string name;  ///< as sent
  std::string value;
};

struct Timings {
  microseconds dns{}, connect{}, tls{}, first_byte{}, total{};  ///< since the start, as curl counts
};

/// What came back. `status` is set as soon as a status line was read, even if the rest failed.
struct Response {
  int status = 0;
  Fault fault = Fault::none;
  std::string detail;           ///< one line about the fault
  std::vector<Header> headers;  ///< of the last response (no 1xx)
  std::string body;             ///< empty when on_body took it
  bool truncated = false;       ///< body was cut at keep_body
  Timings timings;

  /// First header of that name, whatever its case; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// One exchange. Redirects are never followed; TLS 1.2+ is always verified; no cookies, no .netrc,
/// no environment proxies; http and https only. A kept connection found closed before the answer's
/// first byte is replaced and the request sent again, a POST, too.
struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::shared_ptr<const std::string> body;
  std::string upload_file;                             ///< sent as the body instead (PUT); empty: none
  std::uint64_t upload_offset = 0, upload_length = 0;  ///< this part of it; length 0: to its end
  milliseconds connect_timeout{5000};
  milliseconds timeout{30000};    ///< whole exchange; 0: none
  milliseconds stall_timeout{0};  ///< give up when nothing moved for so long; 0: off
  std::chrono::seconds connection_life{
      3600};                            ///< an older one is not used: so a changed certificate or address is seen
  std::uint64_t keep_body = 16U << 20;  ///< bytes of the body kept in `Response::body`
  std::uint64_t max_body = 16U << 20;   ///< bytes after which the exchange is aborted
  bool read_to_limit = false;           ///< for its beginning, also of what announces more than max_body
  std::size_t read_at_once = 0;         ///< bytes, for large bodies; 0: as curl does, 16 KiB
  bool accept_encoding = false;         ///< let the server compress (gateway calls only)
  std::string proxy;                    ///< http://, https://, socks5h://; empty: none at all
  std::string ca_file;                  ///< trusted instead of the system's authorities
  std::string client_cert_file;         ///< PEM: certificate and key
  std::string unix_socket;              ///< connect there instead
  /// CURLOPT_AWS_SIGV4 and its credentials. A POST needs its Content-Type then, and Expect may be sent.
  std::string aws_sigv4, userpwd;
  /// Asked on each connecting and before each request. Not with a proxy, whose address the operator
  /// chose and which does the connecting, nor with unix_socket.
  AddressGuard guard;
  std::function<bool(const Response& head)> on_head;    ///< after the headers; false aborts
  std::function<bool(std::string_view piece)> on_body;  ///< streams the body; false aborts
};

/// Owns the curl multi handle, its connection pool and its Asio watches.
/// Lives on the loop's thread; `io` must outlive it. Callbacks run on that thread, never from inside
/// start(), exactly once for each start() unless the client is destroyed first. They may start, cancel
/// and destroy the client. Ignores SIGPIPE in the process when that has its default action.
class Client {
 public:
  using CallId = std::uint64_t;

  /// `max_connections` must be at least the number of exchanges in flight, or curl reopens
  /// connections for each (measured, FACTS). Callers bound what they start.
  explicit Client(asio::io_context& io, std::size_t max_connections = 1024);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  CallId start(Request request, std::function<void(Response)> done);
  /// Ends it at once with Fault::cancelled; its callback still runs (later). Unknown ids are ignored.
  void cancel(CallId call);
  /// on_body is given no more until resume(): the rest waits in the kernel, and at most read_at_once bytes
  /// here. Being held counts for `timeout`, but not as a stall. Unknown ids are ignored.
  void hold(CallId call);
  void resume(CallId call);
  [[nodiscard]] std::size_t in_flight() const;
  /// Whether exchanges with a time limit are in flight of which curl, or we, forgot the time. May be true
  /// for a moment; for longer, none of them moves, nor ever ends.
  [[nodiscard]] bool forgets_time() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mjwatchd::http

// A small HTTP/1.1 server: an Asio session over llhttp. It serves the control API, the stand-in
// gateway and `mjwatch listen`.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mjwatchd::http {

using std::chrono::milliseconds;

class BodySink;

/// A request as it arrived, its head complete. `path` is percent-decoded segment by segment (a
/// "%2F" stays inside its segment); `query` is decoded.
struct ServerRequest {
  std::string method;
  std::string target;             ///< as sent
  std::vector<std::string> path;  ///< "/v1/tasks/x" → {"v1","tasks","x"}
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;                                          ///< empty when a sink took it
  std::shared_ptr<BodySink> sink;                            ///< the one that took it
  bool local = false;                                        ///< over the Unix socket
  std::optional<std::uint32_t> peer_uid, peer_pid;           ///< SO_PEERCRED

  [[nodiscard]] std::string_view header(std::string_view lower_name) const;
  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const;
};

struct ServerResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;               ///< content-length is set from it
  std::string file;               ///< serve these bytes of this file instead of `body`, streamed
  std::uint64_t file_offset = 0;  ///< the range of it (the router has judged Range)
  std::uint64_t file_length = 0;
};

/// A stream of pieces to one client (server-sent events). Shared; loop thread only.
class Stream {
 public:
  virtual ~Stream() = default;
  /// False when the client is gone or its bounded queue (1 MiB) is full: then the stream is closed.
  virtual bool write(std::string_view piece) = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual bool open() const = 0;
  /// Calls `gone` once, from the loop, when the stream ends otherwise than by close(): the client
  /// went, its queue was full, or the server stops. At once when that has happened already.
  virtual void on_close(std::function<void()> gone) = 0;
  /// Calls `drained` once, from the loop, when all that was written has been handed to the system: so
  /// that who has much to say need not fill the queue. Never called after the stream's end; a second
  /// call replaces the first.
  virtual void on_drained(std::function<void()> drained) = 0;
};

/// The answer to one request: exactly one of reply() and stream(), at any later time, on the loop's
/// thread. Dropping it unanswered answers 500. Copies share one answer.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void reply(ServerResponse response) = 0;
  virtual std::shared_ptr<Stream> stream(ServerResponse head) = 0;
  /// True when the client hung up while waiting; the answer would reach nobody.
  [[nodiscard]] virtual bool gone() const = 0;
  /// Calls `gone` once, from the loop, when the client hangs up before the answer; at once when it
  /// has already. Over TCP a client that closes looks like one that has only finished sending, and is
  /// noticed when it resets the connection or at the first write.
  virtual void on_gone(std::function<void()> gone) = 0;
};
using ResponderPtr = std::shared_ptr<Responder>;

/// Takes a request's body in pieces; the handler is called after the last one. A body that doesn't
/// come to its end has no handler call: the sink is then only destroyed.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual void piece(std::string_view bytes) = 0;
};

struct ServerHandler {
  /// The complete request (body read unless a sink took it).
  std::function<void(ServerRequest, ResponderPtr)> handle;
  /// Asked after the head: how large a body may be, and who takes it. Unset: max_body, buffered.
  struct BodyPlan {
    std::uint64_t max_body = 1U << 20;
    std::shared_ptr<BodySink> sink;  ///< or null: buffered into ServerRequest::body
  };
  std::function<BodyPlan(const ServerRequest& head)> plan_body;
  /// Asked after the head, before the body: an answer here refuses the request (401, 403, …).
  std::function<std::optional<ServerResponse>(const ServerRequest& head)> refuse;
};

struct ServerLimits {
  std::size_t max_connections = 1024;
  std::size_t max_header_bytes = 32U << 10;
  milliseconds header_timeout{10000};
  milliseconds body_timeout{60000};   ///< without a byte
  milliseconds idle_timeout{120000};  ///< keep-alive
  std::uint64_t max_body = 1U << 20;
};

/// Listens and serves. Lives on the loop's thread; `io` must outlive it.
class Server {
 public:
  Server(asio::io_context& io, ServerHandler handler, ServerLimits limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Throws std::system_error with what and where. A stale socket file (nobody listening) is
  /// replaced; a live one, or a path that is too long (107 bytes), is an error that says so.
  void listen_unix(const std::string& path, unsigned mode);
  /// Port 0 picks one; answers the port.
  std::uint16_t listen_tcp(const std::string& host, std::uint16_t port);
  /// Takes a listening socket from systemd; owns it from now on.
  void listen_fd(int fd);

  /// No new connections; open ones end after their answer, at the latest after `grace`.
  void stop(milliseconds grace);
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// "Reason Phrase" of a status.
[[nodiscard]] std::string_view reason(int status);

}  // namespace mjwatchd::http

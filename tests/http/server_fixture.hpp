// A server on its own thread, and a client that sends exactly the bytes it is told to.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "daemon/http/server.hpp"
#include "daemon/os/descriptor.hpp"

namespace mjwatchd::http::test {

/// Listens on a Unix socket in a folder of its own and on TCP loopback.
class RunningServer {
 public:
  explicit RunningServer(ServerHandler handler, ServerLimits limits = {});
  /// With a handler only.
  explicit RunningServer(std::function<void(ServerRequest, ResponderPtr)> handle, ServerLimits limits = {});
  ~RunningServer();
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  /// Runs `work` on the loop's thread and waits for it.
  template <class Work>
  auto on_loop(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    asio::post(io_, [&task] { task(); });
    return result.get();
  }
  std::size_t connections() {
    return on_loop([this] { return server_->connections(); });
  }
  /// Waits until there are as many; false after 10 s.
  bool settles_at(std::size_t count);
  void stop(milliseconds grace) {
    on_loop([&] { server_->stop(grace); });
  }
  void destroy() {
    on_loop([this] { server_.reset(); });
  }
  /// Processor time that the loop has used.
  [[nodiscard]] std::chrono::nanoseconds loop_time();

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string path() const { return folder_ + "/s"; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  Server& server() { return *server_; }
  asio::io_context& io() { return io_; }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::string folder_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// An answer as it came.
struct Reply {
  int status = 0;
  std::string head, body;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

/// Blocking; whatever takes longer than 10 s throws std::runtime_error.
class RawClient {
 public:
  enum class Over : std::uint8_t { unix_socket, tcp };
  explicit RawClient(const RunningServer& server, Over over = Over::tcp);
  explicit RawClient(std::uint16_t port);
  explicit RawClient(const std::string& path);

  void send(std::string_view bytes);
  /// Sends what fits without waiting; how much that was.
  std::size_t send_some(std::string_view bytes);
  void end_sending();
  void close() { fd_ = os::Descriptor(); }
  /// Closes so that the peer gets a reset (TCP).
  void reset();
  /// The next answer; `to_head`: the request was HEAD.
  Reply read(bool to_head = false);
  /// Everything up to the end of the connection; a reset counts as its end.
  std::string read_to_end();
  /// So many bytes at least, or less at the end of the connection.
  std::string read_at_least(std::size_t bytes);
  /// What has come but is not yet taken, after waiting for some.
  std::string read_until(std::string_view text);
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  void connect(int family, const void* address, std::size_t size);
  bool fill();
  std::string take(std::size_t bytes);

  os::Descriptor fd_;
  std::string in_;
};

/// One request on a connection of its own: everything that came back.
std::string talk(const RunningServer& server, std::string_view bytes, RawClient::Over over = RawClient::Over::tcp);
/// "GET target HTTP/1.1" with a Host.
std::string get(std::string_view target);
/// A POST with a content-length.
std::string post(std::string_view target, std::string_view body);

ServerResponse text(std::string body, int status = 200);

}  // namespace mjwatchd::http::test

// The real control server over a fake daemon, on its own thread, and clients for it.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/control/control_server.hpp"
#include "daemon/control/json.hpp"
#include "tests/control/fake_desk.hpp"
#include "tests/http/server_fixture.hpp"

namespace mjwatchd::control::test {

using http::test::RawClient;
using http::test::Reply;

/// Listens on a Unix socket in a folder of its own; `options` may add TCP.
class RunningControl {
 public:
  explicit RunningControl(ControlOptions options = {});
  ~RunningControl();
  RunningControl(const RunningControl&) = delete;
  RunningControl& operator=(const RunningControl&) = delete;

  /// Runs `work` on the loop's thread and waits for it.
  template <class Work>
  auto on_loop(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    asio::post(io_, [&task] { task(); });
    return result.get();
  }
  /// Asks until `met` (on the loop) or, after 10 s, throws.
  void until(const std::function<bool()>& met);

  /// One request on a connection of its own.
  Reply call(const std::string& method, const std::string& target, const std::string& body = "",
             const std::vector<std::string>& headers = {});
  Reply get(const std::string& target) { return call("GET", target); }
  Reply put(const std::string& id, const std::string& body = "") { return call("PUT", "/v1/tasks/" + id, body); }
  Reply post(const std::string& target, const std::string& body = "") { return call("POST", target, body); }
  /// A request whose answer is not waited for.
  std::unique_ptr<RawClient> begin(const std::string& method, const std::string& target,
                                   const std::vector<std::string>& headers = {});

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string path() const { return folder_ + "/s"; }
  ControlServer& server() { return *server_; }
  void destroy() {
    on_loop([this] { server_.reset(); });
  }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::string folder_;

 public:
  EventHub hub;
  FakeDesk desk;

 private:
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
};

/// A request as it goes over the wire.
std::string request_text(const std::string& method, const std::string& target, const std::string& body,
                         const std::vector<std::string>& headers);

/// The body as JSON; throws when it is none.
Json json(const Reply& reply);
/// The member at "a.b" or "a.0" as a text: a text itself, "null", "true", a number, or canonical JSON; "-" when absent.
std::string at(const Json& value, const std::string& path);
/// at(json(reply), path)
std::string at(const Reply& reply, const std::string& path);

/// True when it is a problem with this status: right type, status and title; `words` stand in its detail.
bool is_problem(const Reply& reply, int status, const std::string& words = "");

/// Over TCP, on a port of the system's choice.
inline ControlOptions tcp_options() {
  ControlOptions options;
  options.listen = "127.0.0.1:0";
  options.token = "s3cret-token";
  return options;
}

}  // namespace mjwatchd::control::test

// What the parts of the stand-in gateway share; not for others.
#pragma once

#include <asio/steady_timer.hpp>

#include "daemon/standin/gateway_server.hpp"

namespace mjwatchd::standin {

class GatewayServer::Impl : public std::enable_shared_from_this<GatewayServer::Impl> {
 public:
  Impl(asio::io_context& loop, GatewayOptions given);

  // gateway_server.cpp: the way in
  void handle(http::ServerRequest request, const http::ResponderPtr& to);
  void dispatch(const http::ServerRequest& request, const http::ResponderPtr& to);
  void arm_restart();
  bool make_task(const Wish& wish, const std::function<void(Script&)>& change);
  [[nodiscard]] std::string next_id();
  [[nodiscard]] Frame frame(const BookedTask& task) const;
  [[nodiscard]] const BookedTask* find(const std::string& id);

  // task_calls.cpp: the task API
  void task_call(const http::ServerRequest& request, std::vector<std::string> path, const http::ResponderPtr& to);
  [[nodiscard]] bool authorized(const http::ServerRequest& request) const;
  std::optional<http::ServerResponse> mishap();
  http::ServerResponse fetch(const std::string& id);
  http::ServerResponse list(const std::string& body);
  std::string tell(const BookedTask& task);
  http::ServerResponse image_seed(const std::string& id);
  http::ServerResponse imagine(const std::string& body);

  // picture_calls.cpp
  void cdn(const http::ServerRequest& request, const http::ResponderPtr& to);
  void image(const http::ServerRequest& request, const std::string& id, const http::ResponderPtr& to);
  void picture(const http::ServerRequest& request, const std::string& id, int number, PictureKind kind,
               const http::ResponderPtr& to);

  // control_calls.cpp: /_/…
  http::ServerResponse control(const http::ServerRequest& request);
  http::ServerResponse control_task(const std::string& body);
  http::ServerResponse control_restart(const std::string& body);

  [[nodiscard]] Moment now() const { return options.clock(); }

  asio::io_context& io;
  GatewayOptions options;
  std::vector<std::string> prefix;  ///< its segments
  std::uint16_t port = 0;
  Moment start;
  TaskBook book;
  Misbehaviour vices;
  Gallery gallery;
  asio::steady_timer restart;
  std::optional<Moment> down_until;  ///< until then every call is answered 503
  std::uint64_t made = 0;            ///< ids given out
  std::map<std::string, std::uint64_t> calls;
  std::uint64_t cdn_with_token = 0;  ///< picture calls that carried a token, which they never should
  /// When a reply first said that a task has ended, in microseconds since the Unix epoch.
  std::map<std::string, std::int64_t> told;
  std::vector<http::ResponderPtr> hung;  ///< answers that never come
  std::unique_ptr<http::Server> server;
};

/// {"code":…} and the like.
[[nodiscard]] http::ServerResponse json_reply(int status, std::string body);
/// A loopback name or address.
[[nodiscard]] bool is_loopback(const std::string& host);
/// JSON text of a string, quoted.
[[nodiscard]] std::string in_quotes(const std::string& text);

}  // namespace mjwatchd::standin

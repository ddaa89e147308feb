// What the control server is made of.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/control/access.hpp"
#include "daemon/control/control_server.hpp"
#include "daemon/control/event_stream.hpp"
#include "daemon/control/json.hpp"
#include "daemon/control/parameters.hpp"
#include "daemon/control/problem.hpp"
#include "daemon/control/routes.hpp"
#include "daemon/control/waiter.hpp"
#include "daemon/http/server.hpp"

namespace mjwatchd::control {

/// One request that is being answered.
struct Ask {
  http::ServerRequest request;
  http::ResponderPtr to;
  std::vector<std::string> names;  ///< what stood at the {…} of its path

  void reply(http::ServerResponse response) const { to->reply(std::move(response)); }
  void refuse(const Problem& problem) const { to->reply(respond(problem)); }
};
using AskPtr = std::shared_ptr<Ask>;

/// Loop thread only. What the desk answers after this has gone is dropped.
class ControlServer::Impl : public std::enable_shared_from_this<ControlServer::Impl> {
 public:
  Impl(asio::io_context& io, Desk& desk, EventHub& hub, ControlOptions options);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void listen();
  void stop(milliseconds grace);
  [[nodiscard]] std::size_t connections() const { return server_.connections(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  using ForTask = void (Impl::*)(const AskPtr& ask, const TaskView& task);

  // control_server.cpp: from a request to its call
  [[nodiscard]] http::ServerHandler handler();
  [[nodiscard]] std::optional<http::ServerResponse> turn_away(const http::ServerRequest& head);
  [[nodiscard]] http::ServerHandler::BodyPlan plan_body(const http::ServerRequest& head);
  void handle(http::ServerRequest request, http::ResponderPtr to);
  void dispatch(Call call, const AskPtr& ask);
  void dispatch_change(Call call, const AskPtr& ask);
  /// A body that is JSON, or an empty object; null when it is not, and the request then answered.
  [[nodiscard]] std::optional<Json> body(const Ask& ask) const;
  [[nodiscard]] std::optional<Json> object_body(const Ask& ask, const std::vector<std::string>& allowed) const;

  // control_tasks.cpp
  void put_task(const AskPtr& ask);
  void registered(const AskPtr& ask, const Registration& wish, const CommitResult& result);
  void add_tasks(const AskPtr& ask);
  void list_tasks(const AskPtr& ask);
  void show_task(const AskPtr& ask);
  void answer_task(const AskPtr& ask, const TaskView& task);
  void wait_for_task(const AskPtr& ask, std::string gateway, milliseconds longest);
  void waiter_ended(std::uint64_t number) { waiters_.erase(number); }
  /// Finds the task that the path and ?gateway= mean, and goes on with it, or answers 404 or 409.
  void with_task(const AskPtr& ask, ForTask then);
  void found_task(const AskPtr& ask, ForTask then, Listing<TaskView> found);
  void forget_task(const AskPtr& ask, const TaskView& task);
  void forgotten(const AskPtr& ask, const TaskKey& key, const CommitResult& result);
  void refresh_task(const AskPtr& ask, const TaskView& task);
  void add_receiver(const AskPtr& ask, const TaskView& task);
  void receiver_added(const AskPtr& ask, const TaskKey& key, const std::string& name, const CommitResult& result) const;
  void show_picture(const AskPtr& ask, const TaskView& task);
  void show_thumbnail(const AskPtr& ask, const TaskView& task);
  /// What stands at the {n} of a picture's path; nothing, and the request answered, when it is no number.
  [[nodiscard]] static std::optional<std::size_t> picture_number(const Ask& ask);
  void stream_events(const AskPtr& ask);
  void stream_ended(std::uint64_t number) { streams_.erase(number); }

  // control_deliveries.cpp
  void list_deliveries(const AskPtr& ask);
  void show_delivery(const AskPtr& ask);
  void replay_delivery(const AskPtr& ask);
  void replay_deliveries(const AskPtr& ask);
  void test_endpoint(const AskPtr& ask);
  void switch_endpoint(const AskPtr& ask, bool disable);
  /// Answers 404 and false when no receiver has this name.
  [[nodiscard]] bool known_receiver(const Ask& ask, const std::string& name, bool configured_only) const;

  // control_health.cpp
  void show_status(const AskPtr& ask);
  void answer_status(const AskPtr& ask, const StatusView& status) const;
  void show_health(const AskPtr& ask, bool ready);
  void show_metrics(const AskPtr& ask);
  static void judge_health(const Ask& ask, const StatusView& status, bool ready);

  // control_page.cpp
  void make_page_link(const AskPtr& ask);
  void sign_in(const AskPtr& ask);
  void sign_out(const AskPtr& ask);

  /// `call` bound so that it does nothing once this has gone.
  template <typename Member, typename... Bound>
  auto later(Member member, Bound... bound) {
    return [weak = weak_from_this(), member, ... bound = std::move(bound)](auto&&... given) {
      if (const auto self = weak.lock()) (self.get()->*member)(bound..., std::forward<decltype(given)>(given)...);
    };
  }

  asio::io_context& io_;
  Desk& desk_;
  EventHub& hub_;
  ControlOptions options_;
  std::optional<TcpAccess> access_;
  std::uint16_t port_ = 0;
  bool stopping_ = false;
  std::uint64_t next_client_ = 1;
  std::map<std::uint64_t, std::shared_ptr<EventStream>> streams_;
  std::map<std::uint64_t, std::shared_ptr<Waiter>> waiters_;
  std::size_t line_streams_ = 0;  ///< bodies of registrations that are coming or worked on
  http::Server server_;           ///< last: it goes first, and calls nobody then
};

/// One of the page's files (is_page_file()).
[[nodiscard]] http::ServerResponse answer_page_file(const http::ServerRequest& request);
/// The problem that a commit's result is; `what` names the thing when it is missing.
[[nodiscard]] Problem problem_of(const CommitResult& result, const std::string& what);
/// 503 with Retry-After.
[[nodiscard]] Problem busy(const std::string& why);

}  // namespace mjwatchd::control

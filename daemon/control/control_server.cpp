#include "daemon/control/control_server.hpp"

#include <spdlog/spdlog.h>

#include <stdexcept>

#include "daemon/config/values.hpp"
#include "daemon/control/control_impl.hpp"
#include "daemon/control/line_sink.hpp"
#include "daemon/control/openapi.hpp"
#include "daemon/control/receiver_wish.hpp"
#include "daemon/control/views.hpp"

namespace mjwatchd::control {
namespace {

constexpr std::uint64_t kMostBody = 1U << 20, kMostLines = 64U << 20, kMostSignIn = 8U << 10;
constexpr std::size_t kMostLineStreams = 4;

bool is_lines(const http::ServerRequest& head) {
  return head.header("content-type").starts_with("application/x-ndjson");
}

bool is_line_stream(const http::ServerRequest& head) {
  return head.method == "POST" && head.path == std::vector<std::string>{"v1", "tasks"} && is_lines(head);
}

bool is_sign_in(const http::ServerRequest& head) {
  return head.method == "POST" && head.path == std::vector<std::string>{"v1", "page", "session"};
}

/// Who asked for a change. There may be thousands of registrations in a second, so those are for debugging.
void log_caller(Call call, const http::ServerRequest& request) {
  const bool often = call == Call::put_task || call == Call::add_tasks || call == Call::refresh_task;
  const auto level = often ? spdlog::level::debug : spdlog::level::info;
  if (!spdlog::should_log(level)) return;
  const auto path = in_quotes(std::string_view(request.target).substr(0, request.target.find('?')));
  if (request.peer_uid) {
    spdlog::log(level, "{} {} by user {}, process {}", request.method, path, *request.peer_uid,
                request.peer_pid.value_or(0));
  } else {
    spdlog::log(level, "{} {} over TCP", request.method, path);
  }
}

/// Answered out of the store. While a database is away, a question would wait for it.
bool asks_store(Call call) {
  switch (call) {
    case Call::list_tasks:
    case Call::show_task:
    case Call::first_image:
    case Call::image:
    case Call::thumbnail:
    case Call::events:
    case Call::list_deliveries:
    case Call::show_delivery:
      return true;
    default:
      return false;
  }
}

Problem no_such_path(const http::ServerRequest& request) {
  const auto path = request.target.substr(0, request.target.find('?'));
  return Problem{404, "There is no " + in_quotes(path) + meant(path, known_paths()), {}, {}};
}

}  // namespace

ControlServer::ControlServer(asio::io_context& io, Desk& desk, EventHub& hub, ControlOptions options)
    : impl_(std::make_shared<Impl>(io, desk, hub, std::move(options))) {
  impl_->listen();
}
ControlServer::~ControlServer() = default;
void ControlServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }
std::size_t ControlServer::connections() const { return impl_->connections(); }
std::uint16_t ControlServer::port() const { return impl_->port(); }

Problem busy(const std::string& why) {
  Problem problem{503, why + "; try again in a moment", {}, {}};
  problem.header("retry-after", "1");
  return problem;
}

Problem problem_of(const CommitResult& result, const std::string& what) {
  switch (result.code) {
    case CommitResult::Code::conflict:
      return Problem{409, result.detail, {}, {}};
    case CommitResult::Code::missing:
      return Problem{404, what + (result.detail.empty() ? "" : ": " + result.detail), {}, {}};
    case CommitResult::Code::full:
      return Problem{507,
                     result.detail.empty() ? "The store is at watch.store_max_size, and everything in it is live: "
                                             "delete tasks or allow more."
                                           : "It could not be stored: " + result.detail,
                     {},
                     {}};
    default:
      return Problem{500, "It could not be stored: " + result.detail, {}, {}};
  }
}

ControlServer::Impl::Impl(asio::io_context& io, Desk& desk, EventHub& hub, ControlOptions options)
    : io_(io), desk_(desk), hub_(hub), options_(std::move(options)), server_(io, handler()) {}

http::ServerHandler ControlServer::Impl::handler() {
  // The server belongs to this and calls nobody once it is destroyed.
  http::ServerHandler out;
  out.handle = [this](http::ServerRequest request, http::ResponderPtr to) {
    handle(std::move(request), std::move(to));
  };
  out.plan_body = [this](const http::ServerRequest& head) { return plan_body(head); };
  out.refuse = [this](const http::ServerRequest& head) { return turn_away(head); };
  return out;
}

void ControlServer::Impl::listen() {
  if (options_.passed_fd >= 0) {
    server_.listen_fd(options_.passed_fd);
  } else if (!options_.socket.empty()) {
    server_.listen_unix(options_.socket, options_.mode);
  }
  if (options_.listen.empty()) return;
  std::string wrong;
  const auto address = config::parse_host_port(options_.listen, wrong);
  if (!address) throw std::runtime_error("control.listen: " + wrong);
  if (options_.token.empty()) {
    throw std::runtime_error("control.listen needs control.token_file: over TCP anybody could ask");
  }
  auto names = options_.hosts;
  names.push_back(address->host);
  access_.emplace(options_.token, std::move(names));
  port_ = server_.listen_tcp(address->host, address->port);
  access_->use_port(port_);
}

void ControlServer::Impl::stop(milliseconds grace) {
  stopping_ = true;
  const auto streams = streams_;  // they leave the maps while they end
  for (const auto& [id, stream] : streams) stream->end();
  const auto waiters = waiters_;
  for (const auto& [id, waiter] : waiters) waiter->finish();
  server_.stop(grace);
}

/// Asked before the body is read: who may not ask, and what would be read in vain.
std::optional<http::ServerResponse> ControlServer::Impl::turn_away(const http::ServerRequest& head) {
  if (!head.local && !access_) {  // a TCP socket was passed, without control.listen and its token
    return respond(
        Problem{403, "Over TCP nobody is served unless control.listen and control.token_file are set.", {}, {}});
  }
  if (head.local) {
    // Programs send no Origin, and no browser comes this way.
    if (const auto origin = head.header("origin"); !origin.empty()) {
      return respond(
          Problem{403, "Pages may not use this API: the request has the Origin " + in_quotes(origin), {}, {}});
    }
  } else if (const auto problem = access_->refuse(head, desk_.wall())) {
    return respond(*problem);
  }
  if (!is_line_stream(head)) return std::nullopt;
  if (const auto closed = desk_.closed(); !closed.empty()) return respond(busy(closed));
  if (line_streams_ >= kMostLineStreams) return respond(busy("four streams of registrations are being read already"));
  Parameters parameters(head);
  parameters.only(parameters_of(Call::add_tasks));
  if (parameters.wrong()) return respond(*parameters.wrong());
  return std::nullopt;
}

http::ServerHandler::BodyPlan ControlServer::Impl::plan_body(const http::ServerRequest& head) {
  if (is_sign_in(head)) return {kMostSignIn, nullptr};  // from whom is not known yet
  if (!is_line_stream(head)) return {kMostBody, nullptr};
  ++line_streams_;
  auto gone = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) --self->line_streams_;
  };
  return {kMostLines,
          std::make_shared<LineSink>(io_, desk_, std::string(head.param("gateway").value_or("")), std::move(gone))};
}

void ControlServer::Impl::handle(http::ServerRequest request, http::ResponderPtr to) {
  if (!request.local && is_page_file(request)) {
    to->reply(answer_page_file(request));
    return;
  }
  auto route = find_route(request.method, request.path);
  if (!route.call) {
    if (route.allow.empty()) {
      to->reply(respond(no_such_path(request)));
      return;
    }
    Problem problem{405, request.method + " is no call of this path; there is " + route.allow, {}, {}};
    to->reply(respond(problem.header("allow", route.allow)));
    return;
  }
  const auto ask = std::make_shared<Ask>(Ask{std::move(request), std::move(to), std::move(route.names)});
  Parameters parameters(ask->request);
  parameters.only(parameters_of(*route.call));
  if (parameters.wrong()) {
    ask->refuse(*parameters.wrong());
    return;
  }
  if (asks_store(*route.call)) {
    if (const auto away = desk_.away(); !away.empty()) return ask->refuse(busy(away));
  }
  dispatch(*route.call, ask);
}

void ControlServer::Impl::dispatch(Call call, const AskPtr& ask) {
  switch (call) {
    case Call::list_tasks:
      return list_tasks(ask);
    case Call::show_task:
      return show_task(ask);
    case Call::first_image:
    case Call::image:
      return with_task(ask, &Impl::show_picture);
    case Call::thumbnail:
      return with_task(ask, &Impl::show_thumbnail);
    case Call::events:
      return stream_events(ask);
    case Call::list_deliveries:
      return list_deliveries(ask);
    case Call::show_delivery:
      return show_delivery(ask);
    case Call::endpoints:
      return ask->reply(respond(200, show_endpoints(desk_.endpoints())));
    case Call::gateways:
      return ask->reply(respond(200, show_gateways(desk_.gateways(), desk_.default_gateway())));
    case Call::history:
      return ask->reply(respond(200, show_history(desk_.history())));
    case Call::status:
      return show_status(ask);
    case Call::health:
    case Call::ready:
      return show_health(ask, call == Call::ready);
    case Call::metrics:
      return show_metrics(ask);
    case Call::page_link:
      return make_page_link(ask);
    case Call::sign_in:
      return sign_in(ask);
    case Call::sign_out:
      return sign_out(ask);
    case Call::openapi:
      return ask->reply(respond(200, std::string(openapi_json())));
    default:
      return dispatch_change(call, ask);
  }
}

void ControlServer::Impl::dispatch_change(Call call, const AskPtr& ask) {
  log_caller(call, ask->request);
  // A stream of lines has been judged before it was read; what became of its lines is its answer.
  if (call != Call::add_tasks || !ask->request.sink) {
    if (const auto closed = desk_.closed(); !closed.empty()) return ask->refuse(busy(closed));
  }
  switch (call) {
    case Call::put_task:
      return put_task(ask);
    case Call::add_tasks:
      return add_tasks(ask);
    case Call::forget_task:
      return with_task(ask, &Impl::forget_task);
    case Call::refresh_task:
      return with_task(ask, &Impl::refresh_task);
    case Call::add_receiver:
      return with_task(ask, &Impl::add_receiver);
    case Call::replay_delivery:
      return replay_delivery(ask);
    case Call::replay_deliveries:
      return replay_deliveries(ask);
    case Call::test_endpoint:
      return test_endpoint(ask);
    default:
      return switch_endpoint(ask, call == Call::disable_endpoint);
  }
}

std::optional<Json> ControlServer::Impl::body(const Ask& ask) const {
  const auto& text = ask.request.body;
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    Json empty;
    empty.kind = Json::Kind::object;
    return empty;
  }
  std::string wrong;
  auto json = read_json(text, wrong);
  if (!json) ask.refuse(Problem{400, "The body is not JSON: " + wrong, {}, {}});
  return json;
}

std::optional<Json> ControlServer::Impl::object_body(const Ask& ask, const std::vector<std::string>& allowed) const {
  auto json = body(ask);
  if (!json) return std::nullopt;
  std::optional<Refusal> wrong;
  if (!json->is(Json::Kind::object)) {
    wrong = mistyped("", "a JSON object, or empty", *json);
    wrong->what = "The body " + wrong->what;
  } else if (allowed.empty() && !json->keys.empty()) {
    wrong = Refusal{"", in_quotes(json->keys.front()) + " is not a known key; this call has none"};
  } else {
    wrong = refuse_keys(*json, "", allowed);
  }
  if (!wrong) return json;
  ask.refuse(Problem{400, wrong->text(), {}, {}});
  return std::nullopt;
}

}  // namespace mjwatchd::control

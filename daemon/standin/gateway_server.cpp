#include "daemon/standin/gateway_server.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "daemon/standin/gateway_impl.hpp"

namespace mjwatchd::standin {

namespace {

constexpr std::size_t kMostHung = 1000;

std::vector<std::string> segments(const std::string& prefix) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at < prefix.size()) {
    const auto slash = std::min(prefix.find('/', at), prefix.size());
    if (slash > at) parts.push_back(prefix.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

Moment system_now() { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); }

GatewayOptions completed(GatewayOptions options) {
  if (!options.clock) options.clock = system_now;
  return options;
}

}  // namespace

http::ServerResponse json_reply(int status, std::string body) {
  http::ServerResponse response;
  response.status = status;
  response.headers.emplace_back("content-type", "application/json;charset=UTF-8");
  response.body = std::move(body);
  return response;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string in_quotes(const std::string& text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.String(text);
  return buffer.GetString();
}

GatewayServer::Impl::Impl(asio::io_context& loop, GatewayOptions given)
    : io(loop),
      options(completed(std::move(given))),
      prefix(segments(options.prefix)),
      start(options.clock()),
      book(start, options.speed),
      vices(options.seed),
      gallery(loop, options.gallery),
      restart(loop) {}

void GatewayServer::Impl::handle(http::ServerRequest request, const http::ResponderPtr& to) {
  if (!request.path.empty() && request.path[0] == "_") {
    to->reply(control(request));
    return;
  }
  if (down_until && now() < *down_until) {
    to->reply(json_reply(503, R"({"description":"restarting","type":"upstream_error","code":5})"));
    return;
  }
  const auto wait = vices.duration("slow");
  if (!wait) {
    dispatch(request, to);
    return;
  }
  auto timer = std::make_shared<asio::steady_timer>(io, *wait);
  timer->async_wait([timer, to, request = std::move(request), weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->dispatch(request, to);
  });
}

void GatewayServer::Impl::dispatch(const http::ServerRequest& request, const http::ResponderPtr& to) {
  auto path = request.path;
  if (path.size() < prefix.size() || !std::equal(prefix.begin(), prefix.end(), path.begin())) {
    to->reply(json_reply(404, R"({"status":404,"error":"Not Found"})"));
    return;
  }
  path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(prefix.size()));
  if (!path.empty() && path[0] == "cdn") {
    cdn(request, to);
    return;
  }
  if (vices.strikes("hang") && hung.size() < kMostHung) {
    hung.push_back(to);
    return;
  }
  task_call(request, std::move(path), to);
}

void GatewayServer::Impl::arm_restart() {
  const auto wait = vices.duration("restart");
  if (!wait) {
    restart.cancel();
    return;
  }
  restart.expires_after(*wait);
  restart.async_wait([weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->book.forget_all();
  });
}

bool GatewayServer::Impl::make_task(const Wish& wish, const std::function<void(Script&)>& change) {
  auto script = make_up(wish);
  if (const auto wait = vices.duration("modal"); wait && wish.ending != "MODAL") wait_for_modal(script, *wait);
  if (const auto wait = vices.duration("stall93")) stall_at_93(script, *wait);
  if (change) change(script);
  return book.add_now(std::move(script), now());
}

std::string GatewayServer::Impl::next_id() {
  // As servers make them: the time in milliseconds and three digits.
  const auto ms = static_cast<std::uint64_t>(start.time_since_epoch().count());
  return std::to_string(ms * 1000 + ++made);
}

Frame GatewayServer::Impl::frame(const BookedTask& task) const {
  Frame frame;
  const bool v6 = options.host.find(':') != std::string::npos;
  frame.base = "http://" + (v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(port);
  for (const auto& part : prefix) frame.base += "/" + part;
  frame.kind = gallery.kind_of(task.script.id);
  if (frame.kind) frame.side = gallery.side_of(task.script.id, *frame.kind);
  frame.link_life = options.link_life;
  frame.now = now();
  return frame;
}

const BookedTask* GatewayServer::Impl::find(const std::string& id) {
  if (vices.strikes_id("lose", id)) return nullptr;
  const auto* task = book.find(id, now());
  if (task != nullptr || !options.make_up_unknown || id.empty() || id.size() > 128) return task;
  Wish wish;
  wish.id = id;
  wish.seed = options.seed;
  if (!make_task(wish, {})) return nullptr;
  return book.find(id, now());
}

GatewayServer::GatewayServer(asio::io_context& io, GatewayOptions options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {}

GatewayServer::~GatewayServer() { stop(); }

std::uint16_t GatewayServer::start() {
  http::ServerHandler handler;
  handler.handle = [weak = std::weak_ptr(impl_)](http::ServerRequest request, http::ResponderPtr to) {
    if (const auto self = weak.lock()) self->handle(std::move(request), to);
  };
  handler.plan_body = [](const http::ServerRequest&) {
    http::ServerHandler::BodyPlan plan;
    plan.max_body = 4U << 20;
    return plan;
  };
  http::ServerLimits limits;
  limits.max_connections = 4096;
  impl_->server = std::make_unique<http::Server>(impl_->io, std::move(handler), limits);
  impl_->port = impl_->server->listen_tcp(impl_->options.host, impl_->options.port);
  return impl_->port;
}

void GatewayServer::stop() {
  impl_->restart.cancel();
  impl_->hung.clear();
  if (impl_->server) impl_->server->stop(milliseconds(1000));
}

std::string GatewayServer::base_url() const {
  const auto& host = impl_->options.host;
  const bool v6 = host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(impl_->port);
}

TaskBook& GatewayServer::book() { return impl_->book; }
Misbehaviour& GatewayServer::misbehaviour() { return impl_->vices; }

void GatewayServer::misbehave(const std::string& list) {
  impl_->vices.set(list);
  impl_->arm_restart();
}

bool GatewayServer::make_task(const Wish& wish, const std::function<void(Script&)>& change) {
  return impl_->make_task(wish, change);
}

}  // namespace mjwatchd::standin

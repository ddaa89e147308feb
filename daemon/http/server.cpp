#include "daemon/http/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/steady_timer.hpp>
#include <unordered_map>

#include "daemon/http/server_acceptor.hpp"
#include "daemon/http/server_socket.hpp"
#include "daemon/http/session.hpp"

namespace mjwatchd::http {

/// Owns the acceptors and the sessions.
class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  Impl(asio::io_context& loop, ServerHandler handler, ServerLimits limits)
      : io(loop), shared(std::make_shared<ServerShared>()), grace(loop) {
    shared->handler = std::move(handler);
    shared->limits = limits;
    shared->end = [this](const Session* session) { ended(session); };
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    shared->dead = true;
    shared->end = {};
    close_all();
  }

  std::uint16_t listen(ListeningSocket socket);
  void take(os::Descriptor fd, int family);
  void ended(const Session* session);
  void stop(milliseconds longest);
  void close_all();
  [[nodiscard]] std::vector<std::shared_ptr<Session>> all() const;

  asio::io_context& io;
  std::shared_ptr<ServerShared> shared;
  std::vector<std::shared_ptr<Acceptor>> acceptors;
  std::unordered_map<const Session*, std::shared_ptr<Session>> sessions;
  asio::steady_timer grace;
};

namespace {

Peer peer_of(int fd, int family) {
  Peer peer;
  peer.local = family == AF_UNIX;
  ucred who{};
  socklen_t size = sizeof who;
  if (peer.local && ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) {
    peer.uid = who.uid;
    if (who.pid > 0) peer.pid = static_cast<std::uint32_t>(who.pid);
  }
  return peer;
}

}  // namespace

std::uint16_t Server::Impl::listen(ListeningSocket socket) {
  const auto port = socket.port();
  Acceptor::Owner owner;
  owner.has_room = [this] { return !shared->stopping && sessions.size() < shared->limits.max_connections; };
  owner.take = [this](os::Descriptor fd, int family) { take(std::move(fd), family); };
  acceptors.push_back(std::make_shared<Acceptor>(io, std::move(socket), std::move(owner)));
  acceptors.back()->resume();
  return port;
}

void Server::Impl::take(os::Descriptor fd, int family) {
  if (family != AF_UNIX) {
    const int on = 1;  // answers are written whole, so there is nothing to wait for
    static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  }
  const auto peer = peer_of(fd.get(), family);
  Session::Socket socket(io);
  std::error_code error;
  socket.assign(asio::generic::stream_protocol(family, 0), fd.get(), error);
  if (error) return;  // the descriptor closes: as if the client had not come
  static_cast<void>(fd.release());
  socket.non_blocking(true, error);
  if (error) return;
  auto session = std::make_shared<Session>(std::move(socket), peer, shared);
  sessions.emplace(session.get(), session);
  session->start();
}

void Server::Impl::ended(const Session* session) {
  sessions.erase(session);
  if (shared->stopping) {
    if (sessions.empty()) grace.cancel();
    return;
  }
  for (const auto& acceptor : acceptors) acceptor->resume();
}

std::vector<std::shared_ptr<Session>> Server::Impl::all() const {
  std::vector<std::shared_ptr<Session>> list;
  list.reserve(sessions.size());
  for (const auto& [key, session] : sessions) list.push_back(session);
  return list;
}

void Server::Impl::stop(milliseconds longest) {
  shared->stopping = true;
  for (const auto& acceptor : acceptors) acceptor->close();
  acceptors.clear();
  for (const auto& session : all()) session->wind_up();
  if (sessions.empty()) return;
  grace.expires_after(longest);
  grace.async_wait([weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->close_all();
  });
}

void Server::Impl::close_all() {
  for (const auto& acceptor : acceptors) acceptor->close();
  acceptors.clear();
  for (const auto& session : all()) session->close();
  sessions.clear();
}

Server::Server(asio::io_context& io, ServerHandler handler, ServerLimits limits)
    : impl_(std::make_shared<Impl>(io, std::move(handler), limits)) {}

Server::~Server() = default;

void Server::listen_unix(const std::string& path, unsigned mode) {
  impl_->listen(ListeningSocket::open_unix(path, mode));
}

std::uint16_t Server::listen_tcp(const std::string& host, std::uint16_t port) {
  return impl_->listen(ListeningSocket::open_tcp(host, port));
}

void Server::listen_fd(int fd) { impl_->listen(ListeningSocket::adopt(os::Descriptor(fd))); }

void Server::stop(milliseconds grace) { impl_->stop(grace); }

std::size_t Server::connections() const { return impl_->sessions.size(); }

}  // namespace mjwatchd::http

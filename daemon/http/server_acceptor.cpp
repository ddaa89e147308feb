#include "daemon/http/server_acceptor.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>

namespace mjwatchd::http {

namespace {

constexpr int kAtOnce = 64;  ///< then the loop serves others first
constexpr std::chrono::milliseconds kBackOff{100};

}  // namespace

Acceptor::Acceptor(asio::io_context& io, ListeningSocket socket, Owner owner)
    : socket_(std::move(socket)), watch_(io), pause_(io), owner_(std::move(owner)) {
  watch_.assign(socket_.fd());
}

Acceptor::~Acceptor() { close(); }

void Acceptor::close() {
  if (std::exchange(closed_, true)) return;
  pause_.cancel();
  if (watch_.is_open()) watch_.release();  // the socket is closed by its owner
  owner_ = {};
  const ListeningSocket gone = std::move(socket_);
}

void Acceptor::resume() {
  if (closed_ || waiting_ || !owner_.has_room()) return;
  waiting_ = true;
  watch_.async_wait(asio::posix::descriptor_base::wait_read, [weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->waiting_ = false;
    if (!error) self->accept_some();
  });
}

void Acceptor::accept_some() {
  for (int i = 0; i < kAtOnce && !closed_ && owner_.has_room(); ++i) {
    if (!accept_one()) break;
  }
  resume();
}

/// False when there is nothing to accept now.
bool Acceptor::accept_one() {
  const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    warned_ = false;
    owner_.take(os::Descriptor(fd), socket_.family());
    return true;
  }
  if (errno == EINTR || errno == ECONNABORTED) return true;
  if (errno != EAGAIN) back_off(errno);
  return false;
}

/// Without descriptors or memory the connection stays in the queue, so that waiting for it would end at
/// once, again and again; whatever else accept(2) may say, nothing is gained by asking again at once.
void Acceptor::back_off(int error) {
  if (!std::exchange(warned_, true)) {
    spdlog::warn("http: connections wait: {}", std::generic_category().message(error));
  }
  waiting_ = true;
  pause_.expires_after(kBackOff);
  pause_.async_wait([weak = weak_from_this()](const std::error_code& failed) {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->waiting_ = false;
    if (!failed) self->resume();
  });
}

}  // namespace mjwatchd::http

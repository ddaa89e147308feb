#include "daemon/http/sockets.hpp"

#include <sys/epoll.h>

#include <array>
#include <asio/post.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mjwatchd::http {
namespace {

static_assert(CURL_POLL_IN == CURL_CSELECT_IN && CURL_POLL_OUT == CURL_CSELECT_OUT,
              "what curl wants and what it is told are taken as the same bits");

constexpr std::size_t kAtOnce = 64;  ///< found ready by one call; what is left is found by the next

int make_set() {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return set;
}

std::uint32_t to_epoll(int what) {
  return ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
}

int from_epoll(std::uint32_t events, int wanted) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return wanted;  // which curl then finds out by itself
  const int ready = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
  return ready & wanted;
}

}  // namespace

Sockets::Sockets(asio::io_context& io, Ready ready) : io_(io), ready_(std::move(ready)), set_(io, make_set()) {}

Sockets::~Sockets() { *alive_ = false; }

void Sockets::opened(curl_socket_t socket) {
  const auto old = sockets_.find(socket);
  const int wanted = old == sockets_.end() ? CURL_POLL_NONE : old->second.wanted;
  forget(socket);
  sockets_[socket].round = ++rounds_;
  sockets_[socket].ours = true;
  if (wanted != CURL_POLL_NONE) want(socket, wanted);
}

void Sockets::want(curl_socket_t number, int what) {
  const auto [place, added] = sockets_.try_emplace(number);
  Socket& socket = place->second;
  if (added) socket.round = ++rounds_;
  if (socket.wanted != CURL_POLL_NONE) --wanted_;
  socket.wanted = what & CURL_POLL_INOUT;
  if (socket.wanted != CURL_POLL_NONE) ++wanted_;
  // One that rests is as good as always ready to be written to, and seldom to be read from.
  const int now = socket.wanted != CURL_POLL_NONE ? socket.wanted : socket.told & CURL_POLL_IN;
  if (socket.told != now) tell(number, socket, now);
  wait();
}

void Sockets::forget(curl_socket_t number) {
  const auto found = sockets_.find(number);
  if (found == sockets_.end()) return;
  if (found->second.wanted != CURL_POLL_NONE) --wanted_;
  // Fails for one that is closed, which the kernel has taken out by itself.
  if (found->second.known) ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, number, nullptr);
  sockets_.erase(found);
  wait();
}

bool Sockets::may_rest(curl_socket_t socket) const {
  const auto found = sockets_.find(socket);
  return found != sockets_.end() && found->second.ours && (found->second.wanted & CURL_POLL_IN) != 0;
}

void Sockets::tell(curl_socket_t number, Socket& socket, int what) {
  epoll_event event{};
  event.events = to_epoll(what);
  event.data.u64 = std::uint64_t{socket.round} << 32U | static_cast<std::uint32_t>(number);
  const int set = set_.native_handle();
  bool done = socket.known && ::epoll_ctl(set, EPOLL_CTL_MOD, number, &event) == 0;
  // One that was closed without telling is no longer in the set, though its number may be another's by now.
  if (!done && (!socket.known || errno == ENOENT)) done = ::epoll_ctl(set, EPOLL_CTL_ADD, number, &event) == 0;
  socket.known = done;
  socket.told = done ? what : CURL_POLL_NONE;
  if (!done) fail_soon(number, socket.round);
}

/// curl must not wait for what nobody watches; not from here, which may be inside curl.
void Sockets::fail_soon(curl_socket_t number, std::uint32_t round) {
  asio::post(io_, [this, alive = alive_, number, round] {
    if (!*alive) return;
    const auto found = sockets_.find(number);
    if (found == sockets_.end() || found->second.round != round) return;
    if (found->second.wanted != CURL_POLL_NONE && !found->second.known) ready_(number, CURL_CSELECT_ERR);
  });
}

void Sockets::wait() {
  std::error_code ignored;
  if (wanted_ == 0 && waiting_) set_.cancel(ignored);
  if (wanted_ == 0 || waiting_) return;
  set_.async_wait(asio::posix::descriptor_base::wait_read, [this, alive = alive_](std::error_code cancelled) {
    if (*alive) waited(!cancelled);
  });
  waiting_ = true;
}

/// Waits again also when one of those called threw: the others are still to be heard of.
void Sockets::waited(bool something) {
  const auto alive = alive_;
  const auto again = [&] {
    if (!*alive) return;
    waiting_ = false;
    wait();
  };
  try {
    if (something) look();
  } catch (...) {
    again();
    throw;
  }
  again();
}

void Sockets::look() {
  std::array<epoll_event, kAtOnce> events;
  const int count = ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  const auto alive = alive_;
  for (int i = 0; i < count && *alive; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    report(static_cast<curl_socket_t>(event.data.u64 & 0xFFFFFFFFU), static_cast<std::uint32_t>(event.data.u64 >> 32U),
           event.events);
  }
}

void Sockets::report(curl_socket_t number, std::uint32_t round, std::uint32_t events) {
  const auto found = sockets_.find(number);
  if (found == sockets_.end() || found->second.round != round) return;  // by what was reported before it
  Socket& socket = found->second;
  if (socket.wanted == CURL_POLL_NONE) {  // ended while it rested: curl sees that when it takes it again
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, number, nullptr);
    socket.known = false;
    socket.told = CURL_POLL_NONE;
    return;
  }
  if (const int ready = from_epoll(events, socket.wanted); ready != 0) ready_(number, ready);
}

}  // namespace mjwatchd::http

#include "daemon/http/multi.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>
#include <limits>
#include <new>
#include <utility>

namespace mjwatchd::http {
namespace {

// curl's own set-up, once for the process.
void start_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) throw std::bad_alloc();
}

}  // namespace

Multi::Multi(asio::io_context& io, std::size_t max_connections, Finished finished, Connected connected)
    : io_(io),
      finished_(std::move(finished)),
      connected_(std::move(connected)),
      alive_(std::make_shared<Multi*>(this)),
      sockets_(io, [this](curl_socket_t socket, int events) { act(socket, events); }),
      timer_(io) {
  start_curl();
  multi_.reset(curl_multi_init());
  if (!multi_) throw std::bad_alloc();
  CURLM* multi = multi_.get();
  const auto most = std::min<std::size_t>(max_connections, std::numeric_limits<int>::max());
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(most));
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
}

Multi::~Multi() {
  *alive_ = nullptr;
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, nullptr);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, nullptr);
}

void Multi::act(curl_socket_t socket, int events) {
  if (busy_) {  // someone ran the loop from inside a callback
    asio::post(io_, [alive = alive_, socket, events] {
      if (*alive != nullptr) (*alive)->act(socket, events);
    });
    return;
  }
  busy_ = true;
  if (socket == CURL_SOCKET_TIMEOUT) timed_ = Clock::now();
  int running = 0;
  curl_multi_socket_action(multi_.get(), socket, events, &running);
  busy_ = false;
  drain();
}

CURLcode Multi::go_on(CURL* easy) {
  busy_ = true;
  const CURLcode code = curl_easy_pause(easy, CURLPAUSE_CONT);
  busy_ = false;
  return code;
}

/// Reports what is finished. Messages are taken one by one and copied, as removing a handle makes them
/// void; so this may be entered again from what it calls.
void Multi::drain() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode result = message->data.result;
    finished_(easy, result);
  }
}

bool Multi::keeps_time(std::chrono::milliseconds patience) const {
  long ms = -1;
  if (curl_multi_timeout(multi_.get(), &ms) != CURLM_OK || ms < 0) return false;
  return ms > 0 || Clock::now() - timed_ <= patience;
}

int Multi::on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void*) noexcept {
  try {
    static_cast<Multi*>(self)->watch(easy, socket, what);
    return 0;
  } catch (...) {
    return -1;  // out of memory: curl fails the exchanges
  }
}

int Multi::on_timer(CURLM*, long ms, void* self) noexcept {
  try {
    static_cast<Multi*>(self)->set_timer(ms);
    return 0;
  } catch (...) {
    return -1;
  }
}

/// curl lets go of a socket after each exchange. That of a connection stays with the loop for the next one.
/// One that never connected is closed by curl 7.88 without telling, and before this, also one that lost against
/// another address of its host; others are curl's own, for looking up names.
void Multi::watch(CURL* easy, curl_socket_t socket, int what) {
  if (what == CURL_POLL_REMOVE && !(sockets_.may_rest(socket) && connected_(easy))) return sockets_.forget(socket);
  sockets_.want(socket, what);
}

curl_socket_t Multi::open(const curl_sockaddr& address) {
  const curl_socket_t socket = ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
  if (socket == CURL_SOCKET_BAD) return socket;
  try {
    sockets_.opened(socket);
  } catch (...) {
    ::close(socket);
    errno = ENOMEM;
    return CURL_SOCKET_BAD;
  }
  return socket;
}

/// It is forgotten first: a number that is free again may be another thread's at once.
int Multi::on_close(void* self, curl_socket_t socket) noexcept {
  static_cast<Multi*>(self)->sockets_.forget(socket);
  return ::close(socket);
}

void Multi::set_timer(long ms) {
  wanted_ = ms > 0;
  if (ms == 0) kick();
  if (ms < 0 && std::exchange(armed_, false)) timer_.cancel();  // nothing is in flight: let the loop end
  if (!wanted_) return;
  due_ = Clock::now() + std::chrono::milliseconds(ms);
  if (!armed_ || due_ < armed_for_) arm_timer();
}

/// Calls curl's timer soon: not from here, which may be inside curl.
void Multi::kick() {
  if (std::exchange(kicked_, true)) return;
  asio::post(io_, [alive = alive_] {
    if (*alive == nullptr) return;
    (*alive)->kicked_ = false;
    (*alive)->act(CURL_SOCKET_TIMEOUT, 0);
    if (*alive != nullptr) (*alive)->keep_timer();
  });
}

void Multi::arm_timer() {
  armed_ = true;
  armed_for_ = due_;
  timer_.expires_at(due_);
  timer_.async_wait([alive = alive_, round = ++round_](std::error_code) {
    if (*alive != nullptr) (*alive)->on_timer_fired(round);
  });
}

void Multi::on_timer_fired(std::uint64_t round) {
  if (round != round_ || !armed_) return;
  armed_ = false;
  if (!wanted_) return;
  if (Clock::now() < due_) return arm_timer();  // it was put off meanwhile
  wanted_ = false;
  const auto alive = alive_;
  act(CURL_SOCKET_TIMEOUT, 0);
  if (*alive != nullptr) keep_timer();
}

/// curl names each time once: woken a moment too early it would say nothing again and sleep forever.
void Multi::keep_timer() {
  long ms = -1;
  if (wanted_ || kicked_ || curl_multi_timeout(multi_.get(), &ms) != CURLM_OK || ms < 0) return;
  set_timer(std::max(ms, 1L));
}

}  // namespace mjwatchd::http

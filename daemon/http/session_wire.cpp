// The socket and the clock of a session.
#include <poll.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cstring>

#include "daemon/http/session.hpp"

namespace mjwatchd::http {

namespace {

constexpr std::size_t kFirstBuffer = 4U << 10, kLargestBuffer = 64U << 10;
/// How long a closed connection is listened to, for a client that is still sending would lose the
/// answer if what it sends met a closed socket.
constexpr milliseconds kLinger{2000};

}  // namespace

bool Session::make_room() {
  if (begin_ == end_ || phase_ == Phase::lingering) begin_ = end_ = 0;
  const auto largest = std::max(kLargestBuffer, shared_->limits.max_header_bytes);
  const bool idle = phase_ == Phase::head && begin_ == end_;
  if (idle && in_.size() > kFirstBuffer) in_ = std::vector<char>(kFirstBuffer);
  if (begin_ > 0 && end_ == in_.size()) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const bool larger = in_.empty() || end_ == in_.size() || (filled_ && !idle);
  if (larger && in_.size() < largest) in_.resize(std::min(std::max(in_.size() * 2, kFirstBuffer), largest));
  return end_ < in_.size();
}

void Session::read() {
  if (reading_ || input_ended_ || closed_ || !make_room()) return;
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(in_.data() + end_, in_.size() - end_),
      [self = shared_from_this()](const std::error_code& error, std::size_t size) { self->on_read(error, size); });
}

void Session::on_read(const std::error_code& error, std::size_t size) {
  reading_ = false;
  if (closed_) return;
  if (error == asio::error::eof) {
    on_end_of_input();
  } else if (error) {
    close();
  } else {
    end_ += size;
    filled_ = end_ == in_.size();
    advance();
  }
}

void Session::on_end_of_input() {
  input_ended_ = true;
  const bool being_served = phase_ == Phase::serving || phase_ == Phase::answering || phase_ == Phase::streaming;
  if (!being_served || hung_up()) {
    close();
  } else {
    watch_for_hang_up();  // it has only finished sending: the answer still goes out
  }
}

bool Session::hung_up() {
  pollfd state{socket_.native_handle(), 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

void Session::watch_for_hang_up() {
  socket_.async_wait(Socket::wait_error, [self = shared_from_this()](const std::error_code& error) {
    if (!error && !self->closed_ && self->hung_up()) self->close();
  });
}

void Session::wait_writable() {
  writing_ = true;
  set_deadline();
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const std::error_code& error) {
    self->writing_ = false;
    if (self->closed_) return;
    if (error) {
      self->close();
    } else {
      self->flush();
    }
  });
}

void Session::linger() {
  std::error_code error;
  if (!input_ended_) socket_.shutdown(Socket::shutdown_send, error);
  if (input_ended_ || error) {
    close();
    return;
  }
  phase_ = Phase::lingering;
  since_ = Clock::now();
}

void Session::close() {
  if (closed_) return;
  const auto self = shared_from_this();
  closed_ = true;
  tell_gone();
  std::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  if (shared_->end) shared_->end(this);
}

void Session::tell_gone() {
  if (gone_.empty() || shared_->dead) return;
  asio::post(socket_.get_executor(), [shared = shared_, gone = std::exchange(gone_, {})] {
    for (const auto& call : gone) {
      if (!shared->dead) call();
    }
  });
}

void Session::set_deadline() {
  const auto& limits = shared_->limits;
  deadline_ = Clock::time_point::max();
  switch (phase_) {
    case Phase::head:
      deadline_ = since_ + (fresh_ || !unparsed().empty() ? limits.header_timeout : limits.idle_timeout);
      break;
    case Phase::body:
    case Phase::answering:
      deadline_ = since_ + limits.body_timeout;
      break;
    case Phase::streaming:
      if (!out_.empty()) deadline_ = since_ + limits.body_timeout;
      break;
    case Phase::lingering:
      deadline_ = since_ + kLinger;
      break;
    case Phase::serving:
      break;
  }
  // A later deadline waits for the timer that runs already: setting it anew costs a system call.
  if (deadline_ < armed_) arm();
}

void Session::arm() {
  armed_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (error || self->closed_) return;
    self->armed_ = Clock::time_point::max();
    if (Clock::now() >= self->deadline_) {
      self->expire();
    } else if (self->deadline_ != Clock::time_point::max()) {
      self->arm();
    }
  });
}

void Session::expire() {
  const auto self = shared_from_this();
  const bool half_a_head = phase_ == Phase::head && !unparsed().empty();
  if (half_a_head) {
    refuse({408, "The request's head did not come in time."});
  } else if (phase_ == Phase::body) {
    refuse({408, "The request's body did not come in time."});
  } else {
    close();
  }
}

}  // namespace mjwatchd::http

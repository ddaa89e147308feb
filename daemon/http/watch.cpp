#include "daemon/http/watch.hpp"

#include <asio/post.hpp>

#include "daemon/http/multi.hpp"

namespace mjwatchd::http {

static_assert(CURL_POLL_IN == CURL_CSELECT_IN && CURL_POLL_OUT == CURL_CSELECT_OUT,
              "what curl wants and what it is told are taken as the same bits");

Watch::Watch(asio::io_context& io, Multi& multi, curl_socket_t socket)
    : descriptor_(io), multi_(&multi), socket_(socket) {}

void Watch::want(int what) {
  wanted_ = what & CURL_POLL_INOUT;
  if (wanted_ == CURL_POLL_NONE) return rest();
  if (!descriptor_.is_open()) {
    std::error_code error;
    descriptor_.assign(socket_, error);
    if (error) {  // curl must not wait for what nobody watches; not from inside its own callback
      asio::post(descriptor_.get_executor(),
                 [self = shared_from_this(), error] { self->on_ready(self->wanted_, error); });
      return;
    }
  }
  arm();
}

void Watch::stop() {
  multi_ = nullptr;
  if (descriptor_.is_open()) static_cast<void>(descriptor_.release());
}

/// The descriptor stays with the loop: a connection that is used again costs no new registration.
void Watch::rest() {
  std::error_code ignored;
  if (reading_ || writing_) descriptor_.cancel(ignored);
}

void Watch::arm() {
  if ((wanted_ & CURL_POLL_IN) != 0 && !reading_) wait(CURL_POLL_IN, reading_);
  if ((wanted_ & CURL_POLL_OUT) != 0 && !writing_) wait(CURL_POLL_OUT, writing_);
}

void Watch::wait(int direction, bool& waiting) {
  waiting = true;
  const auto kind =
      direction == CURL_POLL_IN ? asio::posix::descriptor_base::wait_read : asio::posix::descriptor_base::wait_write;
  descriptor_.async_wait(kind, [self = shared_from_this(), direction, &waiting](std::error_code error) {
    waiting = false;
    self->on_ready(direction, error);
  });
}

void Watch::on_ready(int direction, std::error_code error) {
  if (multi_ == nullptr) return;
  if (error == asio::error::operation_aborted) return arm();  // by a rest; it may be over already
  if (error) return multi_->act(socket_, CURL_CSELECT_ERR);
  if ((wanted_ & direction) == 0) return;
  multi_->act(socket_, direction);
  if (multi_ != nullptr) arm();
}

}  // namespace mjwatchd::http

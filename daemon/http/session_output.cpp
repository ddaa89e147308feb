#include "daemon/http/session_output.hpp"

#include <algorithm>
#include <cerrno>

namespace mjwatchd::http {

namespace {

constexpr std::size_t kFilePiece = 64U << 10, kKeptCapacity = 16U << 10;

/// Forgets what is sent; keeps a small buffer, gives a large one back.
void forget(std::string& text, std::size_t& sent) {
  sent = 0;
  text.clear();
  if (text.capacity() > kKeptCapacity) text.shrink_to_fit();
}

}  // namespace

void SendBuffer::set_body(std::string body) {
  body_ = std::move(body);
  body_sent_ = 0;
}

void SendBuffer::set_file(os::Descriptor file, std::uint64_t offset, std::uint64_t length) {
  file_ = std::move(file);
  file_at_ = offset;
  file_left_ = length;
}

bool SendBuffer::refill() {
  if (file_left_ == 0 || body_sent_ < body_.size()) return true;
  body_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kFilePiece, file_left_)));
  body_sent_ = 0;
  ssize_t got = 0;
  do {
    got = ::pread(file_.get(), body_.data(), body_.size(), static_cast<off_t>(file_at_));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  body_.resize(static_cast<std::size_t>(got));
  file_at_ += static_cast<std::uint64_t>(got);
  file_left_ -= static_cast<std::uint64_t>(got);
  if (file_left_ == 0) file_ = os::Descriptor();
  return true;
}

std::array<asio::const_buffer, 2> SendBuffer::buffers() const {
  return {asio::buffer(text_.data() + text_sent_, text_.size() - text_sent_),
          asio::buffer(body_.data() + body_sent_, body_.size() - body_sent_)};
}

void SendBuffer::sent(std::size_t bytes) {
  const auto of_text = std::min(bytes, text_.size() - text_sent_);
  text_sent_ += of_text;
  body_sent_ += bytes - of_text;
  if (text_sent_ == text_.size()) {
    forget(text_, text_sent_);
  } else if (text_sent_ > text_.size() / 2) {
    text_.erase(0, text_sent_);
    text_sent_ = 0;
  }
  if (body_sent_ == body_.size() && file_left_ == 0) forget(body_, body_sent_);
}

}  // namespace mjwatchd::http

// From answers to bytes.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <array>
#include <asio/post.hpp>
#include <charconv>
#include <ctime>

#include "daemon/http/header_text.hpp"
#include "daemon/http/session.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {

namespace {

constexpr std::size_t kMostQueued = 1U << 20;  ///< bytes of a stream that wait for its reader
constexpr int kWritesAtOnce = 4;               ///< then the loop serves others first

bool has_no_body(int status) { return status == 204 || status == 304; }

std::string_view date() {
  thread_local std::time_t made_at = -1;
  thread_local std::array<char, 64> text{};
  thread_local std::size_t size = 0;
  const auto now = std::time(nullptr);
  if (now == made_at) return {text.data(), size};
  std::tm parts{};
  gmtime_r(&now, &parts);
  size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  made_at = now;
  return {text.data(), size};
}

/// Opens the file of an answer and checks that the range lies in it; else says why not.
os::Descriptor open_range(const ServerResponse& response, std::string& why) {
  // Non-blocking, so that a FIFO in the file's place can't stop the loop.
  os::Descriptor file(::open(response.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat found {};
  if (!file.valid() || ::fstat(file.get(), &found) != 0) {
    why = std::generic_category().message(errno);
  } else if (!S_ISREG(found.st_mode)) {
    why = "is not a regular file";
  } else if (const auto size = static_cast<std::uint64_t>(found.st_size);
             response.file_offset > size || response.file_length > size - response.file_offset) {
    why = "is shorter than what was announced";
  }
  return file;
}

bool asks_to_close(const ServerResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (lower(name) == "connection" && lower(value) == "close") return true;
  }
  return false;
}

}  // namespace

void Session::reply(std::uint64_t serial, ServerResponse response) {
  if (waits_for(serial)) answer(std::move(response));
}

bool Session::waits_for(std::uint64_t serial) const {
  return !closed_ && serial == serial_ && phase_ == Phase::serving;
}

bool Session::streams(std::uint64_t serial) const {
  return !closed_ && serial == serial_ && phase_ == Phase::streaming && !stream_ended_;
}

void Session::answer(ServerResponse response) {
  if (closed_) return;
  phase_ = Phase::answering;
  since_ = Clock::now();
  gone_.clear();
  if (response.status < 200 || response.status > 599) {
    spdlog::error("http: an answer has the status {}, which is none", response.status);
    response = problem({500, "The request failed inside the server; its log says why."});
  }
  os::Descriptor file;
  if (!response.file.empty()) {
    std::string why;
    file = open_range(response, why);
    if (!why.empty()) {
      spdlog::error("http: {}: {}", response.file, why);
      response = problem({500, "The file cannot be read; the server's log says why."});
      file = os::Descriptor();
    }
  }
  const auto length = file.valid() ? response.file_length : response.body.size();
  const bool bare = has_no_body(response.status);
  add_head(response, bare ? "" : "content-length: " + std::to_string(length) + "\r\n");
  if (!bare && !head_only_) {
    if (file.valid()) {
      out_.set_file(std::move(file), response.file_offset, length);
    } else {
      out_.set_body(std::move(response.body));
    }
  }
  flush();
}

void Session::add_head(const ServerResponse& response, const std::string& framing) {
  keep_alive_ = keep_alive_ && !shared_->stopping && !asks_to_close(response);
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += reason(response.status);
  head += "\r\ndate: ";
  head += date();
  head += "\r\n";
  for (const auto& [given, value] : response.headers) {
    const auto name = lower(given);
    const bool ours = name == "content-length" || name == "transfer-encoding" || name == "connection" || name == "date";
    if (ours || !is_token(name)) continue;
    head += name + ": " + on_one_line(value) + "\r\n";
  }
  head += framing;
  if (!keep_alive_) head += "connection: close\r\n";
  if (keep_alive_ && http10_) head += "connection: keep-alive\r\n";
  out_.add_text(head + "\r\n");
}

bool Session::begin_stream(std::uint64_t serial, ServerResponse head) {
  if (!waits_for(serial)) return false;
  if (head_only_ || has_no_body(head.status) || head.status < 200 || head.status > 599) {
    head.body.clear();
    head.file.clear();
    answer(std::move(head));
    return false;
  }
  keep_alive_ = keep_alive_ && !http10_;  // there only the end of the connection can end a stream
  phase_ = Phase::streaming;
  gone_.clear();
  add_head(head, http10_ ? "" : "transfer-encoding: chunked\r\n");
  flush();
  return streams(serial);
}

bool Session::stream_piece(std::uint64_t serial, std::string_view piece) {
  if (!streams(serial)) return false;
  if (piece.empty()) return true;  // an empty chunk would end the stream
  if (out_.pending() + piece.size() > kMostQueued) {
    spdlog::info("http: a stream's reader was too slow and is dropped");
    close();
    return false;
  }
  if (out_.pending() == 0) since_ = Clock::now();
  if (http10_) {
    out_.add_text(piece);
  } else {
    std::array<char, 20> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16).ptr;
    out_.add_text({size.data(), static_cast<std::size_t>(end - size.data())});
    out_.add_text("\r\n");
    out_.add_text(piece);
    out_.add_text("\r\n");
  }
  flush_soon();
  return true;
}

void Session::end_stream(std::uint64_t serial) {
  if (!streams(serial)) return;
  gone_.clear();
  stream_ended_ = true;
  if (!http10_) out_.add_text("0\r\n\r\n");
  flush();
}

/// Pieces of one turn of the loop go out as one write.
void Session::flush_soon() {
  if (writing_ || std::exchange(flush_posted_, true)) return;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Session::flush() {
  if (writing_ || closed_) return;
  for (int turn = 0; turn < kWritesAtOnce; ++turn) {
    if (!out_.refill()) {
      spdlog::error("http: a file became unreadable while it was served; the connection is cut");
      close();
      return;
    }
    if (out_.empty()) {
      drained();
      return;
    }
    std::error_code error;
    const auto size = socket_.write_some(out_.buffers(), error);
    if (error == asio::error::would_block || error == asio::error::try_again) break;
    if (error && error != asio::error::interrupted) {
      close();
      return;
    }
    out_.sent(size);
    if (phase_ != Phase::body) since_ = Clock::now();
  }
  wait_writable();
}

void Session::on_drained(std::function<void()> call) {
  drained_ = std::move(call);
  if (out_.empty()) tell_drained();
}

void Session::tell_drained() {
  if (!drained_) return;
  asio::post(socket_.get_executor(), [self = shared_from_this(), call = std::exchange(drained_, {})] {
    if (!self->shared_->dead && !self->closed_) call();
  });
}

void Session::drained() {
  if (phase_ == Phase::streaming && !stream_ended_) tell_drained();
  if (phase_ != Phase::answering && !(phase_ == Phase::streaming && stream_ended_)) return;
  if (keep_alive_ && !shared_->stopping) {
    next_request();
  } else {
    linger();
  }
  advance();
}

}  // namespace mjwatchd::http

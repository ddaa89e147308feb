#include "daemon/http/session_parser.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/http/request_target.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {

namespace {

constexpr Refusal kTooLarge{413, "The body is larger than this call takes."};

std::size_t count(const ServerRequest& request, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(request.headers.begin(), request.headers.end(),
                                                [name](const auto& header) { return header.first == name; }));
}

Refusal judge_expectation(RequestParser::Head& head) {
  const auto expect = lower(head.request.header("expect"));
  if (expect.empty() || head.http10) return {};  // RFC 9110, 10.1.1: ignored in HTTP/1.0
  if (expect != "100-continue") return {417, "The only expectation met here is 100-continue."};
  head.expects_continue = head.has_body;
  return {};
}

}  // namespace

RequestParser::RequestParser(std::size_t max_trailer_bytes) : max_trailer_bytes_(max_trailer_bytes) { next(); }

void RequestParser::next() {
  llhttp_init(&parser_, HTTP_REQUEST, &settings());
  parser_.data = this;
  head_ = {};
  refusal_ = {};
  in_body_ = complete_ = false;
  last_byte_ = 0;
  trailer_bytes_ = 0;
  body_bytes_ = 0;
  sink_.reset();
}

const llhttp_settings_t& RequestParser::settings() {
  static const auto made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
      self(p).head_.request.target.append(at, size);
      return 0;
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) { return self(p).on_field({at, size}); };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) { return self(p).on_value({at, size}); };
    s.on_header_value_complete = [](llhttp_t* p) { return self(p).on_value_complete(); };
    s.on_headers_complete = [](llhttp_t* p) { return self(p).on_headers_complete(); };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t size) { return self(p).on_body({at, size}); };
    s.on_message_complete = [](llhttp_t* p) {
      self(p).complete_ = true;
      return static_cast<int>(HPE_PAUSED);  // what follows is the next request
    };
    return s;
  }();
  return made;
}

int RequestParser::on_field(std::string_view bytes) {
  if (!in_body_) {
    field_ += bytes;
    return 0;
  }
  trailer_bytes_ += bytes.size();
  return trailer_bytes_ > max_trailer_bytes_ ? static_cast<int>(HPE_USER) : 0;
}

int RequestParser::on_value(std::string_view bytes) {
  if (in_body_) return on_field(bytes);
  value_ += bytes;
  return 0;
}

int RequestParser::on_value_complete() {
  if (!in_body_) head_.request.headers.emplace_back(lower(field_), trimmed(value_));
  field_.clear();
  value_.clear();
  return 0;
}

int RequestParser::on_headers_complete() {
  in_body_ = true;
  parser_.upgrade = 0;  // no other protocol is offered: the request is answered as it is
  head_.request.method = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
  head_.http10 = parser_.http_minor == 0;
  head_.keep_alive = llhttp_should_keep_alive(&parser_) != 0;
  head_.announced = (parser_.flags & F_CHUNKED) != 0 ? 0 : parser_.content_length;
  head_.has_body = (parser_.flags & F_CHUNKED) != 0 || parser_.content_length > 0;
  return 0;
}

Refusal RequestParser::judge_framing() const {
  const auto& request = head_.request;
  const auto lengths = count(request, "content-length");
  const auto codings = count(request, "transfer-encoding");
  if (lengths > 1) return {400, "There is more than one Content-Length."};
  if (lengths + codings > 1) return {400, "Content-Length and Transfer-Encoding exclude each other."};
  const auto length = request.header("content-length");
  if (lengths == 1 && (length.empty() || length.find_first_not_of("0123456789") != std::string_view::npos)) {
    return {400, "Content-Length must be a number."};
  }
  if (codings == 1 && head_.http10) return {400, "HTTP/1.0 knows no Transfer-Encoding."};
  if (codings == 1 && lower(request.header("transfer-encoding")) != "chunked") {
    return {501, "The only Transfer-Encoding taken is chunked."};
  }
  return {};
}

Refusal RequestParser::parse_head(std::string_view bytes, bool over_tcp) {
  const auto result = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (const auto framing = judge_framing()) return framing;
  if (result != HPE_OK && result != HPE_PAUSED) return {400, "The request is not well-formed HTTP."};
  if (!in_body_) return {400, "The request is not well-formed HTTP."};
  if (result == HPE_OK && complete_ != !head_.has_body) return {400, "The request is not well-formed HTTP."};
  const auto hosts = count(head_.request, "host");
  if (hosts > 1) return {400, "There is more than one Host."};
  if (hosts == 0 && over_tcp && !head_.http10) return {400, "The header Host is missing."};
  if (const auto* wrong = split_target(head_.request.target, head_.request)) return {400, wrong};
  return judge_expectation(head_);
}

void RequestParser::take_body(std::uint64_t max_bytes, std::shared_ptr<BodySink> sink) {
  max_body_ = max_bytes;
  sink_ = std::move(sink);
}

int RequestParser::on_body(std::string_view piece) {
  body_bytes_ += piece.size();
  refusal_ = body_bytes_ > max_body_ ? kTooLarge : Refusal{};
  if (refusal_) return HPE_USER;
  try {
    if (sink_) {
      sink_->piece(piece);
    } else {
      head_.request.body += piece;
    }
  } catch (...) {  // nothing must be thrown through C
    spdlog::error("http: a {} body could not be taken", head_.request.method);
    refusal_ = {500, "The body could not be taken."};
    return HPE_USER;
  }
  return 0;
}

std::size_t RequestParser::parse_body(std::string_view bytes, Refusal& refusal) {
  const auto result = llhttp_execute(&parser_, bytes.data(), bytes.size());
  const char before = std::exchange(last_byte_, bytes.back());
  if (result == HPE_OK) return bytes.size();
  if (result == HPE_PAUSED && complete_) {
    const auto size = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
    const char last_but_one = size > 1 ? bytes[size - 2] : before;
    // The parser lets a bare LF end the trailers.
    const bool plain = (parser_.flags & F_CHUNKED) == 0 || last_but_one == '\r';
    if (!plain) refusal = {400, "Lines must end with CR LF."};
    return size;
  }
  refusal = refusal_;
  if (!refusal && trailer_bytes_ > max_trailer_bytes_) refusal = {431, "The trailers are too large."};
  if (!refusal) refusal = {400, "The chunks of the body are not well-formed."};
  return 0;
}

}  // namespace mjwatchd::http

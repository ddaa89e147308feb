// One HTTP request after another out of a connection's bytes: llhttp, held to one reading.
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/http/session_refusal.hpp"

namespace mjwatchd::http {

/// Owned by a session. Call head() with a whole head (see HeadScan), then body() until it is complete,
/// then next().
class RequestParser {
 public:
  explicit RequestParser(std::size_t max_trailer_bytes);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// What a head says about its request and the connection.
  struct Head {
    ServerRequest request;
    bool http10 = false, keep_alive = false;
    bool expects_continue = false;
    bool has_body = false;
    std::uint64_t announced = 0;  ///< content-length; 0 when chunked
  };
  /// `bytes` is exactly one head. `over_tcp` demands a Host. The head is valid until next().
  Refusal parse_head(std::string_view bytes, bool over_tcp);
  [[nodiscard]] Head& head() { return head_; }

  /// Where the body goes and how much of it is taken; without a sink it is kept in the request.
  void take_body(std::uint64_t max_bytes, std::shared_ptr<BodySink> sink);
  /// Parses what of `bytes` belongs to this request and answers how many those were.
  std::size_t parse_body(std::string_view bytes, Refusal& refusal);
  [[nodiscard]] bool complete() const { return complete_; }

  /// Ready for the next request.
  void next();

 private:
  static RequestParser& self(llhttp_t* parser) { return *static_cast<RequestParser*>(parser->data); }
  static const llhttp_settings_t& settings();
  Refusal judge_framing() const;
  int on_field(std::string_view bytes);
  int on_value(std::string_view bytes);
  int on_value_complete();
  int on_headers_complete();
  int on_body(std::string_view piece);

  llhttp_t parser_{};
  Head head_;
  std::string field_, value_;
  Refusal refusal_;  ///< set by a callback that stops the parser
  bool in_body_ = false, complete_ = false;
  char last_byte_ = 0;  ///< of what the body was parsed from so far
  std::size_t max_trailer_bytes_, trailer_bytes_ = 0;
  std::uint64_t max_body_ = 0, body_bytes_ = 0;
  std::shared_ptr<BodySink> sink_;
};

}  // namespace mjwatchd::http

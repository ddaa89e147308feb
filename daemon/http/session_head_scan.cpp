#include "daemon/http/session_head_scan.hpp"

#include <algorithm>

#include "daemon/http/header_text.hpp"

namespace mjwatchd::http {

namespace {

constexpr std::size_t kMostHeaders = 100;

Refusal judge_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || line.find('\t') != std::string_view::npos) {
    return {400, "The request line must be METHOD TARGET HTTP/1.1."};
  }
  if (line.substr(first + 1, last - first - 1).find(' ') != std::string_view::npos) {
    return {400, "The target must not contain spaces; write %20."};
  }
  if (!is_token(line.substr(0, first))) return {400, "The method is not a word."};
  const auto version = line.substr(last + 1);
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return {};
  if (version.starts_with("HTTP/")) return {505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
  return {400, "The request line must end with HTTP/1.1."};
}

Refusal judge_header_line(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return {400, "Headers must not be folded over several lines."};
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return {400, "A header has no colon."};
  const auto name = line.substr(0, colon);
  if (name.ends_with(' ') || name.ends_with('\t')) return {400, "A header has a space before its colon."};
  if (!is_token(name)) return {400, "A header's name is not a word."};
  return {};
}

}  // namespace

Refusal HeadScan::judge_line(std::string_view line) {
  if (lines_ > kMostHeaders) return {431, "There are too many headers; 100 are allowed."};
  return lines_ == 0 ? judge_request_line(line) : judge_header_line(line);
}

HeadScan::Result HeadScan::look(std::string_view bytes) {
  const auto end = std::min(bytes.size(), max_bytes_);
  for (; seen_ < end; ++seen_) {
    const char c = bytes[seen_];
    const bool after_cr = seen_ > line_ && bytes[seen_ - 1] == '\r';
    if (after_cr != (c == '\n')) return {0, {400, "Lines must end with CR LF."}};
    if (c != '\n') {
      if (c != '\r' && is_control(c)) return {0, {400, "The head contains a control character."}};
      continue;
    }
    const auto line = bytes.substr(line_, seen_ - 1 - line_);
    line_ = seen_ + 1;
    if (line.empty()) {
      if (lines_ == 0) return {0, {400, "The request line is empty."}};
      return {++seen_, {}};
    }
    if (const auto refusal = judge_line(line)) return {0, refusal};
    ++lines_;
  }
  if (bytes.size() >= max_bytes_) return {0, {431, "The request line and headers are too large together."}};
  return {};
}

}  // namespace mjwatchd::http

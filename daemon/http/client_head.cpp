#include "daemon/http/client_head.hpp"

#include <charconv>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {
namespace {

// A line comes with its end.
std::string_view bare(std::string_view text) { return trimmed(text, " \t\r\n"); }

// "HTTP/1.1 200 OK" → 200; 0 for what is no status line.
int status_of(std::string_view line) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  const std::string_view digits = bare(line.substr(space)).substr(0, 3);
  int status = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
  return error == std::errc() && end == digits.data() + 3 && status >= 100 ? status : 0;
}

void add_header(std::string_view line, Response& response) {
  if (line.front() == ' ' || line.front() == '\t') {  // a folded line goes on with the last value
    if (!response.headers.empty()) response.headers.back().value.append(" ").append(bare(line));
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response.headers.push_back({std::string(bare(line.substr(0, colon))), std::string(bare(line.substr(colon + 1)))});
}

}  // namespace

HeadReader::Step HeadReader::line(std::string_view text, Response& response) {
  bytes_ += text.size();
  if (bytes_ > kMostBytes) return Step::too_long;
  if (complete_) return Step::more;  // a trailer
  if (status_ == 0) {
    status_ = status_of(text);
    if (status_ >= 200) response.status = status_;
    return status_ == 101 ? Step::switched : Step::more;
  }
  if (!bare(text).empty()) {
    if (status_ >= 200) add_header(text, response);
    return Step::more;
  }
  complete_ = status_ >= 200;
  status_ = 0;  // after an interim head comes another
  return complete_ ? Step::complete : Step::more;
}

}  // namespace mjwatchd::http

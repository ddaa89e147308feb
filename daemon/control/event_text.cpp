#include "daemon/control/event_text.hpp"

#include <algorithm>

#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

/// JSON keeps its meaning when the line ends between its tokens become spaces; inside its texts there are none. Other
/// control characters stay: 0x7f may be in a text, and a body is told as it was sent.
std::string without_line_ends(const std::string& json) {
  std::string line = json;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

/// By itself it is no event, and still what a reader resumes after.
std::string id_line(EventNo no) { return no < 0 ? "" : "id: " + std::to_string(no) + "\n"; }

}  // namespace

std::string event_text(const CommittedEvent& event, StreamFormat format) {
  const std::string body = event.body ? without_line_ends(*event.body) : std::string("{}");
  if (format == StreamFormat::server_sent) {
    return (event.no == 0 ? "" : id_line(event.no)) + "event: " + std::string(name(event.type)) + "\ndata: " + body +
           "\n\n";
  }
  const auto brace = body.find('{');
  if (event.no == 0 || brace == std::string::npos) return body + "\n";
  const auto rest = body.find_first_not_of(" \t", brace + 1);
  const bool empty = rest == std::string::npos || body[rest] == '}';
  return "{\"id\":" + std::to_string(event.no) + (empty ? "" : ",") + body.substr(brace + 1) + "\n";
}

std::string greeting(StreamFormat format, EventNo after) {
  return format == StreamFormat::server_sent ? "retry: 2000\n: from mjwatchd\n" + id_line(after) + "\n" : "";
}

std::string heartbeat(StreamFormat format, EventNo after) {
  return format == StreamFormat::server_sent ? ": still here\n" + id_line(after) + "\n" : "\n";
}

StreamFormat format_of(std::string_view accept) {
  const auto lines = accept.find("application/x-ndjson");
  if (lines == std::string_view::npos) return StreamFormat::server_sent;
  const auto events = accept.find("text/event-stream");
  return events < lines ? StreamFormat::server_sent : StreamFormat::lines;
}

}  // namespace mjwatchd::control

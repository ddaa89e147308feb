// Requests, answers and refusals as data.
#include "daemon/http/session_refusal.hpp"

namespace mjwatchd::http {

std::string_view ServerRequest::header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_name) return value;
  }
  return {};
}

std::optional<std::string_view> ServerRequest::param(std::string_view name) const {
  for (const auto& [given, value] : query) {
    if (given == name) return value;
  }
  return std::nullopt;
}

ServerResponse problem(const Refusal& refusal) {
  ServerResponse response;
  response.status = refusal.status;
  response.headers.emplace_back("content-type", "application/problem+json");
  response.body = R"({"type":"about:blank","title":")";
  response.body += reason(refusal.status);
  response.body += R"(","status":)" + std::to_string(refusal.status) + R"(,"detail":")";
  response.body += refusal.detail;
  response.body += "\"}";
  return response;
}

std::string_view reason(int status) {
  struct Phrase {
    int status;
    std::string_view words;
  };
  static constexpr Phrase kPhrases[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  };
  for (const auto& phrase : kPhrases) {
    if (phrase.status == status) return phrase.words;
  }
  return "Status";
}

}  // namespace mjwatchd::http

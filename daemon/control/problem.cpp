#include "daemon/control/problem.hpp"

#include "daemon/config/values.hpp"
#include "daemon/control/json_text.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::control {

Problem& Problem::with(std::string name, std::string_view text) {
  return with_json(std::move(name), JsonText().text(text).take());
}

Problem& Problem::with_json(std::string name, std::string json) {
  members.emplace_back(std::move(name), std::move(json));
  return *this;
}

Problem& Problem::header(std::string name, std::string value) {
  headers.emplace_back(std::move(name), std::move(value));
  return *this;
}

Problem unreadable() {
  Problem problem{503, "The store could not be read; the log says why. Try again in a moment.", {}, {}};
  return problem.header("retry-after", "1");
}

http::ServerResponse respond(const Problem& problem) {
  http::ServerResponse response;
  response.status = problem.status;
  response.headers = problem.headers;
  response.headers.emplace_back("content-type", "application/problem+json");
  response.headers.emplace_back("cache-control", "no-store");
  JsonText body;
  body.object().text("type", "about:blank").text("title", http::reason(problem.status));
  body.number("status", problem.status).text("detail", problem.detail);
  for (const auto& [name, json] : problem.members) body.key(name).json(json);
  response.body = body.end_object().take() + "\n";
  return response;
}

http::ServerResponse respond(int status, std::string json) {
  http::ServerResponse response;
  response.status = status;
  response.headers.emplace_back("content-type", "application/json");
  response.headers.emplace_back("cache-control", "no-store");
  response.body = std::move(json) + "\n";
  return response;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string out = "\"";
  const std::string clean = valid_utf8(text.substr(0, kLongest));
  for (const char c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return out + (text.size() > kLongest ? "…\"" : "\"");
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

std::string meant(std::string_view word, const std::vector<std::string>& words) {
  const auto near = config::nearest(word, words);
  return near.empty() ? "" : "; did you mean " + near + "?";
}

}  // namespace mjwatchd::control

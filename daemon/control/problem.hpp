// What went wrong with a request, for people and programs: RFC 9457.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/http/server.hpp"

namespace mjwatchd::control {

/// `detail` says what is wrong, where, and what would be right.
struct Problem {
  int status = 400;
  std::string detail;
  std::vector<std::pair<std::string, std::string>> members;  ///< extra members: name and JSON
  std::vector<std::pair<std::string, std::string>> headers;

  /// Adds a member whose value is a text.
  Problem& with(std::string name, std::string_view text);
  Problem& with_json(std::string name, std::string json);
  Problem& header(std::string name, std::string value);
};

[[nodiscard]] http::ServerResponse respond(const Problem& problem);

/// 503: the store had no answer, which is not that there is nothing.
[[nodiscard]] Problem unreadable();

/// 200, or another status, with a JSON body.
[[nodiscard]] http::ServerResponse respond(int status, std::string json);

/// What a client sent, fit to be quoted: on one line, at most 60 bytes, in quotation marks.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// "a, b or c"
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

/// "; did you mean X?" when one of the words is near, else nothing.
[[nodiscard]] std::string meant(std::string_view word, const std::vector<std::string>& words);

}  // namespace mjwatchd::control

#include "daemon/http/request_target.hpp"

#include <algorithm>
#include <optional>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {

namespace {

constexpr std::size_t kMostSegments = 64, kMostParameters = 256;
constexpr const char* kBadEncoding = "The target has bad percent-encoding; it must be % and two hex digits.";
constexpr const char* kNul = "The target contains an encoded NUL.";

const char* decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return kBadEncoding;
    if (high == 0 && low == 0) return kNul;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return nullptr;
}

const char* split_path(std::string_view path, std::vector<std::string>& segments) {
  while (!path.empty()) {
    path.remove_prefix(1);  // its slash
    if (segments.size() == kMostSegments) return "The path has too many segments; 64 are allowed.";
    const auto end = std::min(path.find('/'), path.size());
    if (const auto* wrong = decode(path.substr(0, end), false, segments.emplace_back())) return wrong;
    path.remove_prefix(end);
  }
  if (segments.size() == 1 && segments[0].empty()) segments.clear();  // "/"
  return nullptr;
}

const char* split_query(std::string_view query, std::vector<std::pair<std::string, std::string>>& parameters) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (parameters.size() == kMostParameters) return "The query has too many parameters; 256 are allowed.";
    const auto equals = std::min(pair.find('='), pair.size());
    auto& [name, value] = parameters.emplace_back();
    if (const auto* wrong = decode(pair.substr(0, equals), true, name)) return wrong;
    if (const auto* wrong = decode(pair.substr(std::min(equals + 1, pair.size())), true, value)) return wrong;
  }
  return nullptr;
}

}  // namespace

const char* split_target(std::string_view target, ServerRequest& request) {
  const auto needs_encoding = [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; };
  if (std::any_of(target.begin(), target.end(), needs_encoding)) {
    return "The target contains a character that must be percent-encoded.";
  }
  if (target == "*") {
    request.path.assign(1, "*");
    return nullptr;
  }
  if (target.starts_with("http://") || target.starts_with("https://")) {
    target.remove_prefix(std::min(target.find_first_of("/?", target.find("://") + 3), target.size()));
  } else if (!target.starts_with('/')) {
    return "The target must be a path that begins with a slash.";
  }
  const auto question = std::min(target.find('?'), target.size());
  if (const auto* wrong = split_path(target.substr(0, question), request.path)) return wrong;
  return split_query(target.substr(std::min(question + 1, target.size())), request.query);
}

}  // namespace mjwatchd::http

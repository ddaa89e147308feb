#include "daemon/images/origin.hpp"

#include <curl/curl.h>

#include <memory>
#include <string_view>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::images {

namespace {

constexpr std::size_t kShown = 200;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlPtr = std::unique_ptr<CURLU, FreeUrl>;

UrlPtr parse(const std::string& url) {
  if (url.find('\0') != std::string::npos) return nullptr;
  UrlPtr parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return nullptr;
  return parsed;
}

std::optional<std::string> part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return std::string(text);
}

}  // namespace

std::optional<Origin> origin_of(const std::string& url) {
  const UrlPtr parsed = parse(url);
  if (!parsed) return std::nullopt;
  const auto scheme = part(parsed.get(), CURLUPART_SCHEME);
  const auto host = part(parsed.get(), CURLUPART_HOST);
  const auto port = part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (!scheme || !host || !port || host->empty()) return std::nullopt;
  Origin origin{lower(*scheme), lower(*host), *port};
  if (origin.scheme != "http" && origin.scheme != "https") return std::nullopt;
  return origin;
}

std::optional<std::string> resolve(const std::string& base, const std::string& reference) {
  const UrlPtr parsed = parse(base);
  if (!parsed || reference.empty() || reference.find('\0') != std::string::npos) return std::nullopt;
  if (curl_url_set(parsed.get(), CURLUPART_URL, reference.c_str(), CURLU_URLENCODE) != CURLUE_OK) return std::nullopt;
  return part(parsed.get(), CURLUPART_URL);
}

std::string shown(const std::string& url) {
  const UrlPtr parsed = parse(url);
  if (!parsed) return "(not a URL)";
  const std::string host = part(parsed.get(), CURLUPART_HOST).value_or("");
  const auto port = part(parsed.get(), CURLUPART_PORT);
  std::string text = part(parsed.get(), CURLUPART_SCHEME).value_or("") + "://" + host + (port ? ":" + *port : "") +
                     part(parsed.get(), CURLUPART_PATH).value_or("");
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '.';
  }
  return text;
}

std::string rewritten(const std::string& url, const std::map<std::string, std::string>& prefixes) {
  const std::pair<const std::string, std::string>* best = nullptr;
  for (const auto& rule : prefixes) {
    const std::string& from = rule.first;
    if (from.empty() || !url.starts_with(from)) continue;
    const bool boundary = from.back() == '/' || url.size() == from.size() ||
                          std::string_view("/?#").find(url[from.size()]) != std::string_view::npos;
    if (boundary && (best == nullptr || from.size() > best->first.size())) best = &rule;
  }
  return best == nullptr ? url : best->second + url.substr(best->first.size());
}

}  // namespace mjwatchd::images

#include "daemon/webhooks/url_rules.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::webhooks {
namespace {

constexpr std::size_t kLongestUrl = 2048;

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(CURLU* url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::uint16_t port_of(CURLU* url) {
  char* text = nullptr;
  if (curl_url_get(url, CURLUPART_PORT, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return 0;
  const auto port = static_cast<std::uint16_t>(std::strtoul(text, nullptr, 10));  // curl has judged it
  curl_free(text);
  return port;
}

bool ends_as_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (last.starts_with("0x") || last.starts_with("0X")) return true;
  return !last.empty() && std::all_of(last.begin(), last.end(), is_digit);
}

bool names_this_machine(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "localhost.localdomain" ||
         host == "ip6-localhost";
}

UrlVerdict refused(std::string why) { return {{}, std::move(why)}; }

std::optional<std::string> refuse_text(const std::string& url) {
  if (url.empty()) return "the URL is empty";
  if (url.size() > kLongestUrl) return "the URL is longer than 2048 bytes";
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F) return "the URL contains a space or control character";
    if (byte >= 0x80) return "the URL contains a character that must be percent-encoded (or, in a host, punycode)";
    if (c == '\\') return "the URL contains a backslash";
  }
  return std::nullopt;
}

}  // namespace

UrlVerdict check_url(const std::string& url, const AddressPolicy& policy) {
  if (const auto why = refuse_text(url)) return refused(*why);
  const Url parsed(curl_url(), &curl_url_cleanup);
  if (!parsed) return refused("the URL cannot be read now: no memory");
  // libcurl reads "https:///host" as "https://host", and "https:/host" too; others differ.
  const std::size_t colon = url.find(':');
  if (colon == std::string::npos || url.compare(colon, 3, "://") != 0 || url.compare(colon, 4, ":///") == 0) {
    return refused("the URL must be written https://host/path");
  }
  // libcurl normalises IPv4 written in octal, in hexadecimal or as one number.
  const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) return refused(std::string("not a URL: ") + curl_url_strerror(code));
  const std::string scheme = lower(part(parsed.get(), CURLUPART_SCHEME));
  if (scheme != "https" && scheme != "http") return refused("only https URLs are taken, not " + scheme);
  const std::string authority = url.substr(0, url.find_first_of("/?#", scheme.size() + 3));
  if (!part(parsed.get(), CURLUPART_USER).empty() || !part(parsed.get(), CURLUPART_PASSWORD).empty() ||
      authority.find('@') != std::string::npos) {
    return refused("the URL contains user info; no credentials are sent that way");
  }
  std::string host = lower(part(parsed.get(), CURLUPART_HOST));
  // libcurl has decoded it by now: "%fd" would be a byte that no host's name has.
  if (authority.find('%') != std::string::npos || !part(parsed.get(), CURLUPART_ZONEID).empty()) {
    return refused("the host contains a percent sign or a zone");
  }
  while (host.ends_with('.')) host.pop_back();
  if (host.empty()) return refused("the URL has no host");
  if (part(parsed.get(), CURLUPART_PORT) == "0") return refused("the port is 0");
  if (names_this_machine(host)) {
    // By name it cannot be matched with a range before it is looked up; 127.0.0.1 says the same.
    return refused("the host is this machine itself; write its address, and allow that in " + policy.key());
  }
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const auto address = parse_address(bracketed ? std::string_view(host).substr(1, host.size() - 2) : host);
  if (!address && (bracketed || ends_as_number(host))) return refused("the host is a malformed IP address");
  if (address) {
    if (const auto why = policy.refuse(*address, port_of(parsed.get()))) return refused(*why);
  }
  if (scheme == "http" && !(address && policy.allowed_by_name(*address))) {
    return refused("the URL must be https, unless its host is an address listed in " + policy.key());
  }
  if (curl_url_set(parsed.get(), CURLUPART_FRAGMENT, nullptr, 0) != CURLUE_OK ||
      curl_url_set(parsed.get(), CURLUPART_SCHEME, scheme.c_str(), 0) != CURLUE_OK ||
      curl_url_set(parsed.get(), CURLUPART_HOST, host.c_str(), 0) != CURLUE_OK) {
    return refused("not a URL");
  }
  return {part(parsed.get(), CURLUPART_URL), {}};
}

}  // namespace mjwatchd::webhooks

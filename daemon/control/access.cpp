#include "daemon/control/access.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "daemon/page/files.hpp"
#include "daemon/webhooks/receiver.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::control {
namespace {

/// The host of a Host header, without its port and the brackets of IPv6.
std::string_view name_of(std::string_view header) {
  if (header.starts_with('[')) return header.substr(1, std::min(header.find(']'), header.size()) - 1);
  return header.substr(0, header.rfind(':'));
}

/// What elements of a page ask for, which can send no header of their own.
bool is_picture(const http::ServerRequest& head) {
  const auto& path = head.path;
  if ((head.method != "GET" && head.method != "HEAD") || path.size() < 4) return false;
  return path[0] == "v1" && path[1] == "tasks" && (path[3] == "image" || path[3] == "images");
}

bool is_address(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

bool is_page_file(const http::ServerRequest& head) {
  if (head.method != "GET" && head.method != "HEAD") return false;
  const auto& path = head.path;
  if (path.empty() || (path.size() == 1 && path.front().empty())) return true;
  return path.size() == 2 && path.front() == "page" && page::find_file(path.back()) != nullptr;
}

bool same_origin(const http::ServerRequest& head) {
  const auto origin = head.header("origin"), host = head.header("host");
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.size() == scheme.size() + host.size() && same_letters(origin.substr(0, scheme.size()), scheme)) {
      return same_letters(origin.substr(scheme.size()), host);
    }
  }
  return false;
}

TcpAccess::TcpAccess(std::string token, std::vector<std::string> names)
    : sessions_(token), token_digest_(webhooks::sha256_hex(token)), names_(std::move(names)) {}

bool TcpAccess::known_host(std::string_view host) const {
  const auto name = name_of(host);
  // A page's name is never an address, so an address cannot have been rebound.
  return same_letters(name, "localhost") || is_address(std::string(name)) ||
         std::any_of(names_.begin(), names_.end(), [&](const auto& known) { return same_letters(name, known); });
}

std::optional<Problem> TcpAccess::refuse_host(std::string_view host) const {
  if (known_host(host)) return std::nullopt;
  return Problem{421,
                 "The Host header " + in_quotes(host) +
                     " is not this daemon: use localhost or the address, or add the name to control.hosts.",
                 {},
                 {}};
}

bool TcpAccess::is_token(std::string_view text) const {
  // Digests have one length, so neither length nor content of the token shows in the time this takes.
  const auto digest = webhooks::sha256_hex(text);
  return CRYPTO_memcmp(digest.data(), token_digest_.data(), digest.size()) == 0 && !text.empty();
}

std::string_view TcpAccess::session_of(const http::ServerRequest& head) const {
  auto rest = head.header("cookie");
  while (!rest.empty()) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" ;"), rest.size()));
    const auto pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(pair.size());
    if (pair.size() > cookie_.size() && pair.starts_with(cookie_) && pair[cookie_.size()] == '=') {
      return pair.substr(cookie_.size() + 1);
    }
  }
  return {};
}

std::optional<Problem> TcpAccess::refuse(const http::ServerRequest& head, WallTime now) const {
  if (auto problem = refuse_host(head.header("host"))) return problem;
  if (is_page_file(head)) return std::nullopt;
  // Programs send no Origin; a page in a browser does, and none but ours has any business here. Where a browser
  // sends none, with a GET, it tells in another header whose page it was; to cookies, ports are all one.
  const auto origin = head.header("origin"), site = head.header("sec-fetch-site");
  if (!origin.empty() && !same_origin(head)) {
    return Problem{403, "Pages may not use this API: the request has the Origin " + in_quotes(origin), {}, {}};
  }
  if (!site.empty() && site != "same-origin" && site != "none") {
    return Problem{403, "Pages may not use this API: the request has Sec-Fetch-Site " + in_quotes(site), {}, {}};
  }
  const auto authorization = head.header("authorization");
  if (!authorization.empty()) return refuse(authorization, head.header("host"));
  if (head.method == "POST" && head.path == std::vector<std::string>{"v1", "page", "session"}) return std::nullopt;
  const auto session = session_of(head);
  if (!sessions_.good(session, now)) return refuse(authorization, head.header("host"));
  if (!is_picture(head) && !sessions_.proves(session, head.header("x-mjwatchd-proof"))) {
    return Problem{401, "A session alone shows pictures only; its proof is missing: sign in again.", {}, {}};
  }
  if (head.method == "GET" || head.method == "HEAD" || !origin.empty()) return std::nullopt;
  return Problem{403, "A change by a session needs the Origin header, as browsers send it.", {}, {}};
}

std::optional<Problem> TcpAccess::refuse(std::string_view authorization, std::string_view host) const {
  if (auto problem = refuse_host(host)) return problem;
  constexpr std::string_view kScheme = "Bearer ";
  std::string_view shown;
  if (authorization.size() > kScheme.size() && same_letters(authorization.substr(0, kScheme.size()), kScheme)) {
    shown = authorization.substr(kScheme.size());
    shown.remove_prefix(std::min(shown.find_first_not_of(' '), shown.size()));
  }
  if (is_token(shown)) return std::nullopt;
  Problem problem{401, {}, {}, {}};
  problem.detail = shown.empty() ? "Over TCP each request needs the header \"Authorization: Bearer TOKEN\", with the "
                                   "token of control.token_file."
                                 : "The token is not that of control.token_file.";
  problem.header("www-authenticate",
                 shown.empty() ? R"(Bearer realm="mjwatchd")" : R"(Bearer realm="mjwatchd", error="invalid_token")");
  return problem;
}

}  // namespace mjwatchd::control

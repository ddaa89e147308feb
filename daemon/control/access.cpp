#include "daemon/control/access.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "daemon/webhooks/receiver.hpp"

namespace mjwatchd::control {
namespace {

bool same_letters(std::string_view a, std::string_view b) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return low(x) == low(y); });
}

/// The host of a Host header, without its port and the brackets of IPv6.
std::string_view name_of(std::string_view header) {
  if (header.starts_with('[')) return header.substr(1, std::min(header.find(']'), header.size()) - 1);
  return header.substr(0, header.rfind(':'));
}

bool is_address(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

TcpAccess::TcpAccess(std::string token, std::string host, bool loopback)
    : token_digest_(webhooks::sha256_hex(token)), host_(std::move(host)), loopback_(loopback) {}

bool TcpAccess::known_host(std::string_view host) const {
  if (!loopback_) return true;
  const auto name = name_of(host);
  // A page's name is never an address, so an address cannot have been rebound.
  return same_letters(name, "localhost") || same_letters(name, host_) || is_address(std::string(name));
}

std::optional<Problem> TcpAccess::refuse(std::string_view authorization, std::string_view host) const {
  if (!known_host(host)) {
    Problem problem{
        421, "The Host header " + quoted(host) + " is not this daemon: use localhost or the address.", {}, {}};
    return problem;
  }
  constexpr std::string_view kScheme = "Bearer ";
  std::string_view shown;
  if (authorization.size() > kScheme.size() && same_letters(authorization.substr(0, kScheme.size()), kScheme)) {
    shown = authorization.substr(kScheme.size());
    shown.remove_prefix(std::min(shown.find_first_not_of(' '), shown.size()));
  }
  // Digests have one length, so neither length nor content of the token shows in the time this takes.
  const auto digest = webhooks::sha256_hex(shown);
  const bool good = CRYPTO_memcmp(digest.data(), token_digest_.data(), digest.size()) == 0;
  if (good && !shown.empty()) return std::nullopt;
  Problem problem{401, {}, {}, {}};
  problem.detail = shown.empty() ? "Over TCP each request needs the header \"Authorization: Bearer TOKEN\", with the "
                                   "token of control.token_file."
                                 : "The token is not that of control.token_file.";
  problem.header("www-authenticate",
                 shown.empty() ? R"(Bearer realm="mjwatchd")" : R"(Bearer realm="mjwatchd", error="invalid_token")");
  return problem;
}

}  // namespace mjwatchd::control

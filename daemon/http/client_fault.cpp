#include "daemon/http/client_fault.hpp"

#include <utility>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {
namespace {

bool of_tls(CURLcode code) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_USE_SSL_FAILED:
      return true;
    default:
      return false;
  }
}

// The request itself can't be made, now or later.
bool of_request(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_LOGIN_DENIED:
      return true;
    default:
      return false;
  }
}

// Whether the proxy failed, not what lies behind it.
bool of_proxy(CURLcode code, const Situation& situation) {
  if (code == CURLE_COULDNT_RESOLVE_PROXY || !situation.connected) return true;
  if (situation.proxy_status != 0 && situation.proxy_status / 100 != 2) return true;
  const bool first_handshake = !situation.secure || situation.proxy_status == 0;
  return situation.proxy_tls && of_tls(code) && first_handshake;
}

// A SOCKS proxy says when it was the receiver who did not answer.
bool target_unreachable(long proxy_error) {
  return proxy_error == CURLPX_REPLY_HOST_UNREACHABLE || proxy_error == CURLPX_REPLY_NETWORK_UNREACHABLE ||
         proxy_error == CURLPX_REPLY_CONNECTION_REFUSED || proxy_error == CURLPX_REPLY_TTL_EXPIRED;
}

void replace(std::string& text, const std::string& secret, const std::string& with) {
  if (secret.empty()) return;
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += with.size()) {
    text.replace(at, secret.size(), with);
  }
}

}  // namespace

Fault judge(CURLcode code, const Situation& situation) {
  if (of_request(code)) return Fault::invalid_url;
  if (code == CURLE_PROXY) return target_unreachable(situation.proxy_error) ? Fault::connect : Fault::proxy;
  if (situation.proxied && of_proxy(code, situation)) return Fault::proxy;
  if (of_tls(code)) return Fault::tls;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return situation.unix_socket ? Fault::connect : Fault::dns;
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Fault::proxy;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_NO_CONNECTION_AVAILABLE:
    case CURLE_FAILED_INIT:
      return Fault::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return Fault::timeout;
    case CURLE_UNSUPPORTED_PROTOCOL:  // also what curl calls an answer that is not HTTP/1
      return situation.connected ? Fault::broken : Fault::invalid_url;
    default:
      return Fault::broken;
  }
}

std::string describe(CURLcode code, const char* said, const Request& request) {
  std::string text = *said != '\0' ? said : curl_easy_strerror(code);
  replace(text, request.url, "the URL");
  replace(text, request.proxy, "the proxy's URL");
  replace(text, request.userpwd, "the credentials");
  return text;
}

std::string one_line(std::string text) {
  text = on_one_line(std::move(text));
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace mjwatchd::http

// What a curl result means to the daemon.
#pragma once

#include <curl/curl.h>

#include <string>

#include "daemon/http/client.hpp"

namespace mjwatchd::http {

/// What is known of a failed exchange besides curl's code.
struct Situation {
  bool proxied = false;
  bool proxy_tls = false;    ///< the proxy is spoken to over TLS
  bool secure = false;       ///< the URL is https, so that a proxy has to tunnel
  bool unix_socket = false;  ///< a path stands for the host
  bool connected = false;    ///< to the first hop
  long proxy_status = 0;     ///< its answer to CONNECT; 0: none
  long proxy_error = 0;      ///< CURLINFO_PROXY_ERROR (SOCKS)
};

/// `code` is not CURLE_OK.
[[nodiscard]] Fault judge(CURLcode code, const Situation& situation);

/// curl's words (or its code's, when it left none) without what may hold secrets: the URL, the proxy
/// and the credentials of the request.
[[nodiscard]] std::string describe(CURLcode code, const char* said, const Request& request);

/// Without control characters, which peers may have put there.
[[nodiscard]] std::string one_line(std::string text);

}  // namespace mjwatchd::http

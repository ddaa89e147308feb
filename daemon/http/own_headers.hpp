// The headers of a request that nobody may set from outside.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {

/// Whether a webhook's header is written by the daemon alone: what signs and describes its body (webhook-*,
/// content-*), what says who asks whom (host, user-agent, proxy-authorization), and what belongs to the connection or
/// its framing (RFC 9110, sections 7.6.1 and 10.1.1). One of these twice, or with another value, would make the request
/// mean different things to different readers.
[[nodiscard]] inline bool is_own_header(std::string_view name) {
  constexpr std::array<std::string_view, 11> kOwn{
      "host",    "user-agent",          "expect",           "connection",       "keep-alive", "te", "trailer",
      "upgrade", "proxy-authorization", "proxy-connection", "transfer-encoding"};
  const std::string low = lower(name);
  return low.starts_with("webhook-") || low.starts_with("content-") ||
         std::find(kOwn.begin(), kOwn.end(), low) != kOwn.end();
}

}  // namespace mjwatchd::http

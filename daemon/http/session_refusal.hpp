// Why the server itself turns a request down.
#pragma once

#include "daemon/http/server.hpp"

namespace mjwatchd::http {

/// A status and a sentence for people; status 0 is no refusal. `detail` is a literal.
struct Refusal {
  int status = 0;
  const char* detail = "";

  explicit operator bool() const { return status != 0; }
};

/// The refusal as application/problem+json (RFC 9457).
[[nodiscard]] ServerResponse problem(const Refusal& refusal);

}  // namespace mjwatchd::http

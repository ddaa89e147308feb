// Who may use the control API over TCP. The Unix socket's file mode judges who may use that.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/control/problem.hpp"

namespace mjwatchd::control {

/// Pure but for what it was made of. Loop thread only.
class TcpAccess {
 public:
  /// `host` is what is listened on. On a loopback address only names of this machine are taken as
  /// Host, so that a page whose name was made to lead here (DNS rebinding) is turned away even before
  /// its token is looked at; elsewhere the machine may have names we do not know.
  TcpAccess(std::string token, std::string host, bool loopback);

  /// `authorization` and `host` are the request's headers. Nothing when it may go on.
  [[nodiscard]] std::optional<Problem> refuse(std::string_view authorization, std::string_view host) const;

 private:
  [[nodiscard]] bool known_host(std::string_view host) const;

  std::string token_digest_;
  std::string host_;
  bool loopback_;
};

}  // namespace mjwatchd::control

// Who may use the control API over TCP. The Unix socket's file mode judges who may use that.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/control/problem.hpp"
#include "daemon/page/sessions.hpp"

namespace mjwatchd::control {

/// Loop thread only. Programs show the token. The page, in a browser, shows the cookie that it got for the token
/// or for a one-time link; what comes from any other page is turned away, whatever it shows.
class TcpAccess {
 public:
  /// `names` are what this daemon is called by besides localhost and its addresses. Any other Host is turned
  /// away even before the token is looked at: it is that of a page whose name was made to lead here (DNS rebinding).
  TcpAccess(std::string token, std::vector<std::string> names);

  /// `authorization` and `host` are the request's headers. Nothing when it may go on.
  [[nodiscard]] std::optional<Problem> refuse(std::string_view authorization, std::string_view host) const;
  /// The same for any request, be it a program's or the page's.
  [[nodiscard]] std::optional<Problem> refuse(const http::ServerRequest& head, WallTime now) const;
  [[nodiscard]] bool is_token(std::string_view text) const;

  [[nodiscard]] page::Sessions& sessions() { return sessions_; }
  /// What the page shows as its session; empty when it has none.
  [[nodiscard]] std::string_view session_of(const http::ServerRequest& head) const;
  /// Named after the port, for browsers keep one jar for all ports of a host.
  void use_port(std::uint16_t port) { cookie_ = "mjwatchd_" + std::to_string(port); }
  [[nodiscard]] const std::string& cookie() const { return cookie_; }

 private:
  [[nodiscard]] bool known_host(std::string_view host) const;
  [[nodiscard]] std::optional<Problem> refuse_host(std::string_view host) const;

  page::Sessions sessions_;
  std::string cookie_;
  std::string token_digest_;
  std::vector<std::string> names_;
};

/// The page's own files: nothing in them is secret, and whoever is to sign in needs them first.
[[nodiscard]] bool is_page_file(const http::ServerRequest& head);
/// Whether the page of this daemon sent it, as far as a browser tells.
[[nodiscard]] bool same_origin(const http::ServerRequest& head);

}  // namespace mjwatchd::control

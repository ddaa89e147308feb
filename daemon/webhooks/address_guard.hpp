// Which addresses a URL from outside may lead to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/http/client.hpp"
#include "daemon/webhooks/address.hpp"
#include "daemon/webhooks/own_listener.hpp"

namespace mjwatchd::webhooks {

/// Says for each address whether a URL that somebody else chose may lead there: every public one,
/// and what the operator allowed, but never where the daemon itself listens. An address that carries
/// an IPv4 address (mapped, NAT64) is judged by that. Immutable; copies are cheap enough for a request
/// each. Thread-safe.
class AddressPolicy {
 public:
  /// `allow` are CIDRs; `key` is the configuration key they come from, named by refusals
  /// ("webhooks.allow"). Throws as parse_cidr() does.
  AddressPolicy(const std::vector<std::string>& allow, std::string key, std::vector<OwnListener> own = {});

  /// Nothing to allow it, or why not.
  [[nodiscard]] std::optional<std::string> refuse(const Address& address) const;
  /// The same of a server there.
  [[nodiscard]] std::optional<std::string> refuse(const Address& address, std::uint16_t port) const;
  /// In one of the operator's own ranges.
  [[nodiscard]] bool allowed_by_name(const Address& address) const;
  [[nodiscard]] const std::string& key() const { return key_; }
  /// For http::Request::guard. It keeps what it needs.
  [[nodiscard]] http::AddressGuard guard() const;

 private:
  std::vector<Cidr> allow_;
  std::vector<OwnListener> own_;
  std::string key_;
};

}  // namespace mjwatchd::webhooks

// Which addresses a URL from outside may lead to.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/client.hpp"

struct sockaddr;

namespace mjwatchd::webhooks {

/// An IP address as 16 bytes; IPv4 as ::ffff:a.b.c.d.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Address&) const = default;
};

/// "10.1.2.3", "fd00::1", without brackets or zone.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
/// Nothing for a family that is neither IPv4 nor IPv6.
[[nodiscard]] std::optional<Address> address_of(const sockaddr& address);
[[nodiscard]] std::string to_string(const Address& address);

/// A range of addresses.
struct Cidr {
  Address network;
  unsigned prefix = 128;  ///< of the 128 bits; an IPv4 /8 is 104
  [[nodiscard]] bool contains(const Address& address) const;
};

/// "10.0.0.0/8", "fd00::/8", or a single address. Throws std::invalid_argument with a sentence that
/// says what is wrong; bits set beyond the prefix are wrong.
[[nodiscard]] Cidr parse_cidr(std::string_view text);

/// Says for each address whether a URL that somebody else chose may lead there: every public one,
/// and what the operator allowed. An address that carries an IPv4 address (mapped, NAT64) is judged
/// by that. Immutable; copies are cheap enough for a request each. Thread-safe.
class AddressPolicy {
 public:
  /// `allow` are CIDRs; `key` is the configuration key they come from, named by refusals
  /// ("webhooks.allow"). Throws as parse_cidr() does.
  AddressPolicy(const std::vector<std::string>& allow, std::string key);

  /// Nothing to allow it, or why not.
  [[nodiscard]] std::optional<std::string> refuse(const Address& address) const;
  /// In one of the operator's own ranges.
  [[nodiscard]] bool allowed_by_name(const Address& address) const;
  [[nodiscard]] const std::string& key() const { return key_; }
  /// For http::Request::guard. It keeps what it needs.
  [[nodiscard]] http::AddressGuard guard() const;

 private:
  std::vector<Cidr> allow_;
  std::string key_;
};

}  // namespace mjwatchd::webhooks

// IP addresses and ranges of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sockaddr;

namespace mjwatchd::webhooks {

/// How an IPv4 address as 16 bytes begins (RFC 4291, section 2.5.5.2).
inline constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/// An IP address as 16 bytes; IPv4 as ::ffff:a.b.c.d.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Address&) const = default;
};

/// "10.1.2.3", "fd00::1", without brackets or zone.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
/// Nothing for a family that is neither IPv4 nor IPv6.
[[nodiscard]] std::optional<Address> address_of(const sockaddr& address);
/// 0 for a family that is neither.
[[nodiscard]] std::uint16_t port_of(const sockaddr& address);
[[nodiscard]] std::string to_string(const Address& address);
[[nodiscard]] bool is_ipv4(const Address& address);

/// A range of addresses.
struct Cidr {
  Address network;
  unsigned prefix = 128;  ///< of the 128 bits; an IPv4 /8 is 104
  [[nodiscard]] bool contains(const Address& address) const;
};

/// "10.0.0.0/8", "fd00::/8", or a single address. Throws std::invalid_argument with a sentence that
/// says what is wrong; bits set beyond the prefix are wrong.
[[nodiscard]] Cidr parse_cidr(std::string_view text);

}  // namespace mjwatchd::webhooks

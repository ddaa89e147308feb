#include "daemon/webhooks/address_guard.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace mjwatchd::webhooks {
namespace {

// IANA's special-purpose registries for IPv4 and IPv6.
constexpr std::array<std::string_view, 16> kDenied4{
    "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",       "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",    "198.18.0.0/15",  "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "255.255.255.255/32"};
// ::/8 holds NAT64's 64:ff9b::/96 and the mapped addresses: those are judged as IPv4 before.
constexpr std::array<std::string_view, 10> kDenied6{"::/8",      "100::/64",  "2001::/23", "2001:db8::/32",
                                                    "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7",
                                                    "fe80::/10", "fec0::/10"};
constexpr std::string_view kMulticast6 = "ff00::/8";

constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0};

bool starts_with(const Address& address, const std::array<std::uint8_t, 12>& prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

const std::vector<Cidr>& denied() {
  static const std::vector<Cidr> ranges = [] {
    std::vector<Cidr> all;
    for (const auto text : kDenied4) all.push_back(parse_cidr(text));
    for (const auto text : kDenied6) all.push_back(parse_cidr(text));
    all.push_back(parse_cidr(kMulticast6));
    return all;
  }();
  return ranges;
}

// As bytes every IPv4 address lies within ::/8; a range means its own family only.
bool holds(const Cidr& range, const Address& address) {
  return is_ipv4(range.network) == is_ipv4(address) && range.contains(address);
}

// The address that traffic to this one ends at.
Address effective(const Address& address) {
  if (!starts_with(address, kNat64)) return address;
  Address inner = address;
  std::copy(kMapped.begin(), kMapped.end(), inner.bytes.begin());
  return inner;
}

}  // namespace

AddressPolicy::AddressPolicy(const std::vector<std::string>& allow, std::string key, std::vector<OwnListener> own)
    : own_(std::move(own)), key_(std::move(key)) {
  for (const std::string& text : allow) allow_.push_back(parse_cidr(text));
}

bool AddressPolicy::allowed_by_name(const Address& address) const {
  const auto within = [this](const Address& which) {
    return std::any_of(allow_.begin(), allow_.end(), [&](const Cidr& range) { return holds(range, which); });
  };
  return within(address) || within(effective(address));
}

std::optional<std::string> AddressPolicy::refuse(const Address& address) const {
  if (allowed_by_name(address)) return std::nullopt;
  const Address judged = effective(address);
  for (const Cidr& range : denied()) {
    if (!holds(range, judged)) continue;
    const unsigned length = range.prefix - (is_ipv4(range.network) ? 96 : 0);
    return to_string(address) + " is not a public address (" + to_string(range.network) + "/" + std::to_string(length) +
           "); " + key_ + " in the configuration would allow it";
  }
  return std::nullopt;
}

std::optional<std::string> AddressPolicy::refuse(const Address& address, std::uint16_t port) const {
  const Address ends_at = effective(address);
  if (std::any_of(own_.begin(), own_.end(), [&](const OwnListener& own) { return own.takes(ends_at, port); })) {
    return to_string(address) + " port " + std::to_string(port) + " is mjwatchd's own control.listen";
  }
  return refuse(address);
}

http::AddressGuard AddressPolicy::guard() const {
  return [policy = *this](const sockaddr& address) -> std::optional<std::string> {
    const auto known = address_of(address);
    if (!known) return "neither an IPv4 nor an IPv6 address";
    return policy.refuse(*known, port_of(address));
  };
}

}  // namespace mjwatchd::webhooks

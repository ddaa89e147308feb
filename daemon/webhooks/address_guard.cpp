#include "daemon/webhooks/address_guard.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mjwatchd::webhooks {
namespace {

// IANA's special-purpose registries for IPv4 and IPv6. "Our own listeners" are in these ranges or
// on one of this machine's public addresses, which only the operator can name.
constexpr std::array<std::string_view, 16> kDenied4{
    "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",       "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",    "198.18.0.0/15",  "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "255.255.255.255/32"};
// ::/8 holds NAT64's 64:ff9b::/96 and the mapped addresses: those are judged as IPv4 before.
constexpr std::array<std::string_view, 10> kDenied6{"::/8",      "100::/64",  "2001::/23", "2001:db8::/32",
                                                    "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7",
                                                    "fe80::/10", "fec0::/10"};
constexpr std::string_view kMulticast6 = "ff00::/8";

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0};

bool starts_with(const Address& address, const std::array<std::uint8_t, 12>& prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

bool is_ipv4(const Address& address) { return starts_with(address, kMapped); }

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

[[noreturn]] void wrong(std::string_view text, const std::string& what) {
  throw std::invalid_argument("\"" + std::string(text) + "\" " + what);
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const std::string copy(text);
  Address address;
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, copy.c_str(), four.data()) == 1 && copy.size() == std::strlen(copy.c_str())) {
    std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
    std::copy(four.begin(), four.end(), address.bytes.begin() + 12);
    return address;
  }
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1 && copy.size() == std::strlen(copy.c_str())) {
    return address;
  }
  return std::nullopt;
}

std::optional<Address> address_of(const sockaddr& address) {
  Address result;
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    std::copy(kMapped.begin(), kMapped.end(), result.bytes.begin());
    std::memcpy(result.bytes.data() + 12, &four.sin_addr, 4);
    return result;
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address, sizeof six);
    std::memcpy(result.bytes.data(), &six.sin6_addr, 16);
    return result;
  }
  return std::nullopt;
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool four = is_ipv4(address);
  const char* written = inet_ntop(four ? AF_INET : AF_INET6, address.bytes.data() + (four ? 12 : 0), text.data(),
                                  static_cast<socklen_t>(text.size()));
  return written == nullptr ? std::string("an address") : std::string(written);
}

bool Cidr::contains(const Address& address) const {
  const unsigned whole = prefix / 8;
  if (!std::equal(network.bytes.begin(), network.bytes.begin() + whole, address.bytes.begin())) return false;
  const unsigned rest = prefix % 8;
  if (rest == 0) return true;
  return ((network.bytes[whole] ^ address.bytes[whole]) >> (8U - rest)) == 0;
}

Cidr parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) wrong(text, "is not a CIDR range; write it as 10.0.0.0/8 or fd00::/8, or as a single address");
  const bool four = text.substr(0, slash).find(':') == std::string_view::npos;
  const unsigned longest = four ? 32 : 128;
  unsigned length = longest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc() || end != digits.data() + digits.size() || length > longest) {
      wrong(text, "has a bad prefix length; it is 0 to " + std::to_string(longest));
    }
  }
  Cidr cidr{*address, length + (four ? 96 : 0)};
  for (unsigned bit = cidr.prefix; bit < 128; ++bit) {
    auto& byte = cidr.network.bytes[bit / 8];
    byte = static_cast<std::uint8_t>(byte & ~(0x80U >> (bit % 8)));
  }
  if (cidr.network != *address) {
    wrong(text, "has bits set beyond its prefix; " + to_string(cidr.network) + "/" + std::to_string(length) +
                    " is the range it is in");
  }
  return cidr;
}

AddressPolicy::AddressPolicy(const std::vector<std::string>& allow, std::string key) : key_(std::move(key)) {
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

http::AddressGuard AddressPolicy::guard() const {
  return [policy = *this](const sockaddr& address) -> std::optional<std::string> {
    const auto known = address_of(address);
    if (!known) return "neither an IPv4 nor an IPv6 address";
    return policy.refuse(*known);
  };
}

}  // namespace mjwatchd::webhooks

#include "daemon/webhooks/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mjwatchd::webhooks {
namespace {

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

std::uint16_t port_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return ntohs(four.sin_port);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address, sizeof six);
    return ntohs(six.sin6_port);
  }
  return 0;
}

bool is_ipv4(const Address& address) { return std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin()); }

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

}  // namespace mjwatchd::webhooks

#include "daemon/webhooks/address_guard.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

using namespace mjwatchd::webhooks;

namespace {

bool refused(const AddressPolicy& policy, std::string_view text) {
  CAPTURE(text);
  const auto address = parse_address(text);
  REQUIRE(address);
  return policy.refuse(*address).has_value();
}

}  // namespace

TEST_CASE("first and last address of every denied range are refused, their public neighbours are not") {
  const AddressPolicy policy({}, "webhooks.allow");
  for (const auto* text : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.255",
                           "192.88.99.1",
                           "192.168.0.1",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.7",
                           "203.0.113.9",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::7f00:1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:1ff:ffff::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "3fff::1",
                           "3fff:fff::1",
                           "5f00::1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "feff::1",
                           "ff02::1"}) {
    CHECK(refused(policy, text));
  }
  for (const auto* text : {"1.1.1.1",          "9.255.255.255",  "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
                           "126.255.255.255",  "128.0.0.1",      "172.15.255.255",  "172.32.0.0",      "192.0.1.0",
                           "192.167.255.255",  "198.17.255.255", "198.20.0.0",      "223.255.255.255", "::ffff:1.1.1.1",
                           "64:ff9b::1.1.1.1", "2001:200::1",    "2606:4700::1111", "4000::1",         "3ffe::1"}) {
    CHECK_FALSE(refused(policy, text));
  }
}

TEST_CASE("a refusal names the address, the range and the key that would allow it") {
  const AddressPolicy policy({}, "images.allow");
  const auto why = policy.refuse(*parse_address("10.1.2.3"));
  REQUIRE(why);
  CHECK(*why == "10.1.2.3 is not a public address (10.0.0.0/8); images.allow in the configuration would allow it");
}

TEST_CASE("the operator's ranges are allowed, in whatever way the address is written") {
  const AddressPolicy policy({"10.1.0.0/16", "fd00::/8", "127.0.0.1"}, "webhooks.allow");
  CHECK_FALSE(refused(policy, "10.1.255.1"));
  CHECK_FALSE(refused(policy, "::ffff:10.1.0.1"));
  CHECK_FALSE(refused(policy, "64:ff9b::10.1.0.1"));
  CHECK_FALSE(refused(policy, "fd12::1"));
  CHECK_FALSE(refused(policy, "127.0.0.1"));
  CHECK(refused(policy, "127.0.0.2"));
  CHECK(refused(policy, "10.2.0.1"));
  CHECK(refused(AddressPolicy({"::/0"}, "k"), "10.2.0.1"));
}

TEST_CASE("a bad range is refused with a reason") {
  for (const auto* text : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.1/8", "fd00::/129", "localhost",
                           "10.0.0/8", "fd00::1/8", "10.0.0.0/8 "}) {
    CAPTURE(text);
    CHECK_THROWS_AS((void)parse_cidr(text), std::invalid_argument);
  }
  CHECK_THROWS_WITH((void)parse_cidr("10.0.0.1/8"),
                    "\"10.0.0.1/8\" has bits set beyond its prefix; 10.0.0.0/8 is the range it is in");
}

TEST_CASE("the guard judges what a socket would connect to") {
  const auto guard = AddressPolicy({}, "webhooks.allow").guard();
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(guard(reinterpret_cast<const sockaddr&>(four)));
  four.sin_addr.s_addr = htonl(0x01010101);
  CHECK_FALSE(guard(reinterpret_cast<const sockaddr&>(four)));
  sockaddr other{};
  other.sa_family = AF_UNIX;
  CHECK(guard(other));
}

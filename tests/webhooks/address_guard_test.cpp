#include "daemon/webhooks/address_guard.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

TEST_CASE("where the daemon itself listens no URL may lead, though its range is allowed") {
  const auto listening_at = [](const char* host) {
    return AddressPolicy({"0.0.0.0/0", "::/0"}, "webhooks.allow", {listener_at(host, 7780)});
  };
  const auto refuses = [](const AddressPolicy& policy, const char* text, std::uint16_t port) {
    return policy.refuse(*parse_address(text), port).has_value();
  };
  const auto one = listening_at("127.0.0.1");
  CHECK(one.refuse(*parse_address("127.0.0.1"), 7780) == "127.0.0.1 port 7780 is mjwatchd's own control.listen");
  CHECK(refuses(one, "::ffff:127.0.0.1", 7780));
  CHECK(refuses(one, "64:ff9b::127.0.0.1", 7780));
  CHECK(refuses(one, "0.0.0.0", 7780));
  CHECK(refuses(one, "::", 7780));
  CHECK_FALSE(refuses(one, "127.0.0.1", 7781));
  CHECK_FALSE(refuses(one, "127.0.0.2", 7780));
  for (const auto* host : {"0.0.0.0", "::", "localhost"}) {  // every address of this machine
    CAPTURE(host);
    CHECK(refuses(listening_at(host), "127.0.0.1", 7780));
    CHECK(refuses(listening_at(host), "127.99.0.1", 7780));
    CHECK(refuses(listening_at(host), "::ffff:127.0.0.1", 7780));
    CHECK_FALSE(refuses(listening_at(host), "192.0.2.1", 7780));
    CHECK_FALSE(refuses(listening_at(host), "127.0.0.1", 443));
  }
}

TEST_CASE("a socket that was passed is one of the daemon's own, unless it is no TCP socket") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0);
  socklen_t length = sizeof here;
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &length) == 0);
  const auto own = listener_of(fd);
  ::close(fd);
  REQUIRE(own);
  CHECK(own->takes(*parse_address("127.0.0.1"), ntohs(here.sin_port)));
  CHECK_FALSE(own->takes(*parse_address("127.0.0.2"), ntohs(here.sin_port)));
  CHECK_FALSE(listener_of(-1));
  const int other = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_FALSE(listener_of(other));
  ::close(other);
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

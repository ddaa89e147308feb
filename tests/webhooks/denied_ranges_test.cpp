// Every range that no URL from outside may lead into, tried in every way there is.
#include <doctest/doctest.h>

#include "daemon/webhooks/url_rules.hpp"
#include "tests/webhooks/canned_receiver.hpp"
#include "tests/webhooks/fake_names.hpp"
#include "tests/webhooks/sender_desk.hpp"

using namespace mjwatchd;
using namespace mjwatchd::webhooks;
using namespace mjwatchd::webhooks::test;

namespace {

struct Range {
  const char* text;
  const char* first;
  const char* last;
};

constexpr Range kRanges[] = {
    {"0.0.0.0/8", "0.0.0.0", "0.255.255.255"},
    {"10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
    {"100.64.0.0/10", "100.64.0.0", "100.127.255.255"},
    {"127.0.0.0/8", "127.0.0.0", "127.255.255.255"},
    {"169.254.0.0/16", "169.254.0.0", "169.254.255.255"},
    {"172.16.0.0/12", "172.16.0.0", "172.31.255.255"},
    {"192.0.0.0/24", "192.0.0.0", "192.0.0.255"},
    {"192.0.2.0/24", "192.0.2.0", "192.0.2.255"},
    {"192.88.99.0/24", "192.88.99.0", "192.88.99.255"},
    {"192.168.0.0/16", "192.168.0.0", "192.168.255.255"},
    {"198.18.0.0/15", "198.18.0.0", "198.19.255.255"},
    {"198.51.100.0/24", "198.51.100.0", "198.51.100.255"},
    {"203.0.113.0/24", "203.0.113.0", "203.0.113.255"},
    {"224.0.0.0/4", "224.0.0.0", "239.255.255.255"},
    {"240.0.0.0/4", "240.0.0.0", "255.255.255.255"},
    {"::/8", "::", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"100::/64", "100::", "100::ffff:ffff:ffff:ffff"},
    {"2001::/23", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"2002::/16", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"3fff::/20", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"5f00::/16", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"fc00::/7", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"fe80::/10", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"fec0::/10", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"ff00::/8", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"10.0.0.0/8", "::ffff:10.0.0.0", "::ffff:10.255.255.255"},        // mapped
    {"10.0.0.0/8", "64:ff9b::10.0.0.0", "64:ff9b::10.255.255.255"},    // NAT64
    {"127.0.0.0/8", "64:ff9b::127.0.0.2", "64:ff9b::127.255.255.255"}  // NAT64
};

std::string in_url(std::string_view address) {
  const bool six = address.find(':') != std::string_view::npos;
  return six ? "[" + std::string(address) + "]" : std::string(address);
}

/// The one public address that the tests' receiver stands for.
SenderOptions receiver_is_allowed() {
  SenderOptions options;
  options.allow = {"127.0.0.1/32"};
  return options;
}

void check_refused(const SendResult& result, const Range& range) {
  CHECK(result.fault == SendFault::refused_address);
  CHECK(result.http_status == 0);
  CHECK(result.detail.find(std::string("(") + range.text + ")") != std::string::npos);
  CHECK(result.detail.find("webhooks.allow") != std::string::npos);
}

}  // namespace

TEST_CASE("no denied range is reached by its addresses") {
  const AddressPolicy policy({"127.0.0.1/32"}, "webhooks.allow");
  Desk desk(receiver_is_allowed());
  for (const Range& range : kRanges) {
    for (const auto* address : {range.first, range.last}) {
      CAPTURE(address);
      const std::string url = "https://" + in_url(address) + ":8443/hook";
      CHECK(check_url(url, policy).error.find(range.text) != std::string::npos);
      check_refused(desk.attempt(to_url(url)), range);
    }
  }
}

TEST_CASE("no denied range is reached by a name") {
  FakeNames names;
  int number = 0;
  for (const Range& range : kRanges) {
    for (const auto* address : {range.first, range.last}) {
      CAPTURE(address);
      Desk desk(receiver_is_allowed());
      const std::string name = "inside-" + std::to_string(++number) + ".example";
      names.say(name, {{address}});
      check_refused(desk.attempt(to_url("https://" + name + "/hook")), range);
      CHECK(names.asked(name) == 1);
    }
  }
}

TEST_CASE("no denied range is reached by a name that meant a public address the time before") {
  const CannedReceiver receiver(reply(200));
  FakeNames names;
  int number = 0;
  for (const Range& range : kRanges) {
    CAPTURE(range.first);
    const std::string name = "rebound-" + std::to_string(++number) + ".example";
    const std::string url = "http://" + name + ":" + std::to_string(receiver.port()) + "/hook";
    names.say(name, {{"127.0.0.1"}, {range.first}});
    Desk before(receiver_is_allowed());
    CHECK(before.attempt(to_url(url)).http_status == 200);
    Desk after(receiver_is_allowed());  // nothing is remembered of the first look-up
    check_refused(after.attempt(to_url(url)), range);
    CHECK(names.asked(name) == 2);
  }
  CHECK(receiver.requests().size() == std::size(kRanges));
}

TEST_CASE("no denied range is reached by a name that means a public address, too") {
  const DeadPort dead;  // allowed, and nobody answers there: the next address is tried
  FakeNames names;
  int number = 0;
  for (const Range& range : kRanges) {
    CAPTURE(range.first);
    Desk desk(receiver_is_allowed());
    const std::string name = "both-" + std::to_string(++number) + ".example";
    names.say(name, {{"127.0.0.1", range.first}});
    const auto result = desk.attempt(to_url("http://" + name + ":" + std::to_string(dead.port) + "/"));
    // curl may ask the other family first; either way the refusal ends it.
    check_refused(result, range);
  }
}

TEST_CASE("whoever else uses a connection into a denied range is judged by himself") {
  const CannedReceiver receiver(reply(200));
  FakeNames names;
  names.say("app.example", {{"127.0.0.1"}});
  auto options = one_endpoint("http://app.example:" + std::to_string(receiver.port()) + "/hook");
  Desk desk(std::move(options));
  CHECK(desk.attempt(to_endpoint()).http_status == 200);  // the operator's own word
  const auto result = desk.attempt(to_url("http://app.example:" + std::to_string(receiver.port()) + "/hook"));
  CHECK(result.fault == SendFault::refused_address);
  CHECK(receiver.requests().size() == 1);
}

#include "daemon/webhooks/url_rules.hpp"

#include <doctest/doctest.h>

#include "daemon/webhooks/http_date.hpp"
#include "daemon/webhooks/receiver.hpp"

using namespace mjwatchd;
using namespace mjwatchd::webhooks;
using namespace std::chrono_literals;

TEST_CASE("only plain https URLs to public places are taken") {
  const AddressPolicy policy({}, "webhooks.allow");
  for (const auto* url : {"https://app.example.com/hook?x=1", "https://app.example.com:8443", "https://1.1.1.1/",
                          "https://[2606:4700::1111]/", "https://xn--bcher-kva.example/"}) {
    CAPTURE(url);
    CHECK(check_url(url, policy).error == "");
  }
  for (const auto* url : {"",
                          "http://app.example.com/",
                          "ftp://example.com/",
                          "file:///etc/passwd",
                          "https://u:p@example.com/",
                          "https://@example.com/",
                          "https://exa mple.com/",
                          "https://example.com/a b",
                          "https://example.com/\n",
                          "https://127.0.0.1/",
                          "https://127.1/",
                          "https://0177.0.0.1/",
                          "https://0x7f000001/",
                          "https://2130706433/",
                          "https://017700000001/",
                          "https://localhost/",
                          "https://localhost./",
                          "https://a.localhost./",
                          "https://LOCALHOST/",
                          "https://[::1]/",
                          "https://[::ffff:10.0.0.1]/",
                          "https://[fe80::1%25eth0]/",
                          "https://[::ffff:7f00:1]/",
                          "https://127.0.0.1./",
                          "https:///path",
                          "https://",
                          "//example.com",
                          "https://256.256.256.256/",
                          "https://1.2.3.4.5/",
                          "https://example.com:0/",
                          "https://example.com:99999/",
                          "https://ex\xC3\xA4mple.com/",
                          "https:\\\\example.com",
                          "gopher://1.1.1.1/"}) {
    CAPTURE(url);
    const auto verdict = check_url(url, policy);
    CHECK_FALSE(verdict.good());
    CHECK(verdict.url == "");
  }
}

TEST_CASE("http is for addresses the operator listed") {
  const AddressPolicy policy({"127.0.0.0/8"}, "webhooks.allow");
  CHECK(check_url("http://127.0.0.1:9000/hook", policy).url == "http://127.0.0.1:9000/hook");
  CHECK(check_url("http://0x7f.1:9000/hook#part", policy).url == "http://127.0.0.1:9000/hook");
  CHECK(check_url("http://1.1.1.1/", policy).error.find("webhooks.allow") != std::string::npos);
}

TEST_CASE("the daemon's own port is refused as soon as a URL names it") {
  const AddressPolicy policy({"127.0.0.0/8"}, "webhooks.allow", {listener_at("127.0.0.1", 7780)});
  CHECK(check_url("http://127.0.0.1:7780/v1/tasks", policy).error ==
        "127.0.0.1 port 7780 is mjwatchd's own control.listen");
  CHECK_FALSE(check_url("http://2130706433:7780/", policy).good());
  CHECK(check_url("http://127.0.0.1:7781/", policy).good());
  const AddressPolicy tls({"127.0.0.0/8"}, "webhooks.allow", {listener_at("127.0.0.1", 443)});
  CHECK_FALSE(check_url("https://127.0.0.1/", tls).good());
}

TEST_CASE("a receiver is an endpoint's name, or a digest of URL and format, grouped by origin") {
  WebhookTarget target;
  target.endpoint = "app";
  CHECK(receiver_of(target).name == "app");
  CHECK(receiver_of(target).group == "app");
  target.endpoint = "";
  target.url = "https://Example.com/a";
  const auto first = receiver_of(target);
  CHECK(first.name.starts_with("url:"));
  CHECK(first.name.size() == 36);
  CHECK(first.group == "origin:https://example.com:443");
  target.format = BodyFormat::cloudevents;
  CHECK(receiver_of(target).name != first.name);
  CHECK(receiver_of(target).group == first.group);
}

TEST_CASE("Retry-After is seconds or a date, never negative, and nothing else") {
  const WallTime now{784111777s};
  CHECK(parse_retry_after("120", now) == 120s);
  CHECK(parse_retry_after(" 0 ", now) == 0s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now) == 60s);
  CHECK(parse_retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now) == 60s);
  CHECK(parse_retry_after("Sun Nov  6 08:50:37 1994", now) == 60s);
  CHECK(parse_retry_after("Sun, 06 Nov 999999999 08:49:37 GMT", now) == std::chrono::days(365));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == 0s);
  CHECK(parse_retry_after("99999999999999999999999", now) == std::chrono::days(365));
  for (const auto* text : {"", "soon", "-1", "1.5", "12:00"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_retry_after(text, now));
  }
}

TEST_CASE("a host with percent-encoded bytes is refused, whatever they stand for") {
  const AddressPolicy policy({}, "webhooks.allow");
  for (const char* url : {"https://%fd00.example.com/x", "https://%65xample.com/", "https://127%2e0.0.1/"}) {
    CHECK_MESSAGE(check_url(url, policy).error.find("percent sign") != std::string::npos, url);
  }
  CHECK(check_url("https://example.com/%fd?a=%65", policy).good());
}

// The sender over real sockets: what goes out, and what each answer is taken for.
#include <doctest/doctest.h>

#include <chrono>

#include "daemon/webhooks/http_sender.hpp"
#include "tests/webhooks/canned_receiver.hpp"
#include "tests/webhooks/sender_desk.hpp"

using namespace mjwatchd;
using namespace mjwatchd::webhooks;
using namespace std::chrono_literals;
using namespace mjwatchd::webhooks::test;

namespace {

/// One attempt at a receiver that answers `bytes`.
SendResult answered(const std::string& bytes) {
  const CannedReceiver receiver(bytes);
  Desk desk(one_endpoint(receiver.url()));
  return desk.attempt(to_endpoint());
}

}  // namespace

TEST_CASE("the request carries the exact body and the headers of Standard Webhooks") {
  const CannedReceiver receiver(reply(204));
  auto options = one_endpoint(receiver.url());
  options.endpoints["app"].headers = {{"X-Shop", "blue; green"}};
  Desk desk(std::move(options));
  const auto result = desk.attempt(to_endpoint());
  CHECK(result.http_status == 204);
  CHECK(result.fault == SendFault::none);
  CHECK(result.started_at == fixed_now());
  const auto requests = receiver.requests();
  REQUIRE(requests.size() == 1);
  const auto& got = requests[0];
  CHECK(got.head.starts_with("POST /hook HTTP/1.1\r\n"));
  CHECK(got.body == R"({"test": 2432232314})");
  CHECK(got.header("content-type") == "application/json");
  CHECK(got.header("user-agent") == "mjwatchd/" MJWATCHD_VERSION);
  CHECK(got.header("webhook-id") == "msg_p5jXN8AQM9LWM0D4loKWxJek");
  CHECK(got.header("webhook-timestamp") == "1614265330");
  // The specification's own vector.
  CHECK(got.header("webhook-signature") == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  CHECK(got.header("x-shop") == "blue; green");
  CHECK(got.header("expect").empty());
  CHECK(got.header("authorization").empty());
}

TEST_CASE("during a rotation both secrets sign, the current one first") {
  const CannedReceiver receiver(reply(200));
  auto options = one_endpoint(receiver.url());
  options.endpoints["app"].secrets.push_back(kOlderSecret);
  Desk desk(std::move(options));
  CHECK(desk.attempt(to_endpoint()).http_status == 200);
  const auto signatures = receiver.requests().at(0).header("webhook-signature");
  CHECK(signatures.starts_with("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,"));
}

TEST_CASE("CloudEvents and notify-hook say their own type, and a notify-hook may go unsigned") {
  const CannedReceiver receiver(reply(200));
  auto options = one_endpoint(receiver.url());
  options.endpoints["hook"].url = receiver.url();
  Desk desk(std::move(options));
  auto event = to_endpoint();
  event.format = BodyFormat::cloudevents;
  CHECK(desk.attempt(event).http_status == 200);
  auto hook = to_endpoint();
  hook.endpoint = "hook";
  hook.format = BodyFormat::notify_hook;
  CHECK(desk.attempt(hook).http_status == 200);
  const auto requests = receiver.requests();
  CHECK(requests.at(0).header("content-type") == "application/cloudevents+json");
  CHECK(requests.at(1).header("content-type") == "application/json");
  CHECK(requests.at(1).header("webhook-signature").empty());
  CHECK_FALSE(requests.at(1).header("webhook-id").empty());
}

TEST_CASE("every answer is told by its status, whatever its class") {
  for (const int status : {200, 201, 204, 299, 400, 401, 404, 410, 422, 429, 500, 502, 503, 504, 599}) {
    CAPTURE(status);
    const auto result = answered(reply(status, status == 204 ? "" : "so it is"));
    CHECK(result.http_status == status);
    CHECK(result.fault == SendFault::none);
    CHECK(result.answer == (status == 204 ? "" : "so it is"));
    CHECK_FALSE(result.retry_after);
  }
}

TEST_CASE("a redirect is not followed, and the result says where it pointed") {
  const CannedReceiver elsewhere(reply(200));
  for (const int status : {301, 302, 303, 307, 308}) {
    CAPTURE(status);
    const auto result = answered(reply(status, "", "Location: " + elsewhere.url() + "\r\n"));
    CHECK(result.http_status == status);
    CHECK(result.detail == "redirects to " + elsewhere.url() + ", which is not followed");
  }
  CHECK(elsewhere.requests().empty());
}

TEST_CASE("Retry-After is told in seconds from now, whether it came as a number or as a date") {
  CHECK(answered(reply(429, "", "Retry-After: 120\r\n")).retry_after == 120s);
  CHECK(answered(reply(503, "", "retry-after: 0\r\n")).retry_after == 0s);
  CHECK(answered(reply(200, "", "Retry-After: 5\r\n")).retry_after == 5s);
  // 1614265330 is Thu, 25 Feb 2021 15:02:10 GMT; the clock stands 999 ms later.
  CHECK(answered(reply(503, "", "Retry-After: Thu, 25 Feb 2021 15:02:20 GMT\r\n")).retry_after == 9001ms);
  CHECK(answered(reply(503, "", "Retry-After: Thu, 25 Feb 2021 14:00:00 GMT\r\n")).retry_after == 0ms);
  CHECK_FALSE(answered(reply(503, "", "Retry-After: soon\r\n")).retry_after);
}

TEST_CASE("of a long answer the first 16 KiB are kept, and beyond 64 KiB the exchange is ended") {
  const std::string start = "it went wrong: ";
  const auto long_one = answered(reply(500, start + std::string(40U << 10U, 'x')));
  CHECK(long_one.http_status == 500);
  CHECK(long_one.fault == SendFault::none);
  CHECK(long_one.answer.size() == 16U << 10U);
  CHECK(long_one.answer.starts_with(start));
  const auto announced = answered(reply(500, start + std::string(100U << 10U, 'z')));
  CHECK(announced.http_status == 500);
  CHECK(announced.fault == SendFault::broken);
  CHECK(announced.answer.starts_with(start));
  CHECK(announced.answer.size() == 16U << 10U);
  const auto endless = answered("HTTP/1.1 200 X\r\nConnection: close\r\n\r\n" + std::string(80U << 10U, 'y'));
  // Read or not, a 2xx was said: that is what the core goes by.
  CHECK(endless.http_status == 200);
  CHECK(endless.fault == SendFault::broken);
  CHECK(endless.answer.size() <= 16U << 10U);
}

TEST_CASE("a 2xx whose body breaks off still tells its status") {
  const auto result = answered("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf");
  CHECK(result.http_status == 200);
  CHECK(result.fault == SendFault::broken);
}

TEST_CASE("what is not HTTP, and a connection that closes without an answer, are faults") {
  const auto noise = answered("220 mail.example.com ESMTP\r\n");
  CHECK(noise.http_status == 0);
  CHECK(noise.fault == SendFault::broken);
  const DeadPort dead;
  Desk desk(one_endpoint(dead.url));
  const auto nobody = desk.attempt(to_endpoint());
  CHECK(nobody.http_status == 0);
  CHECK(nobody.fault == SendFault::connect);
  CHECK_FALSE(nobody.detail.empty());
}

TEST_CASE("a proxy that leads nowhere is told apart from a receiver that fails") {
  const CannedReceiver proxy(reply(502));
  auto options = one_endpoint("https://203.0.113.7/hook");
  options.endpoints["app"].proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  Desk over_proxy(std::move(options));
  const auto nowhere = over_proxy.attempt(to_endpoint());
  CHECK(nowhere.fault == SendFault::proxy);
  CHECK(nowhere.http_status == 0);  // 502 is the proxy's word, not the receiver's
  REQUIRE(proxy.requests().size() == 1);
  CHECK(proxy.requests()[0].head.starts_with("CONNECT 203.0.113.7:443 "));
}

TEST_CASE("a receiver that never answers is left when the endpoint's timeout is up") {
  const CannedReceiver black_hole("");
  Desk desk(one_endpoint(black_hole.url(), 300ms));
  const auto begin = std::chrono::steady_clock::now();
  const auto result = desk.attempt(to_endpoint());
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(result.http_status == 0);
  CHECK(result.fault == SendFault::timeout);
  CHECK(took >= 300ms);
  CHECK(took < 5s);
  CHECK(result.total >= 299ms);
  CHECK(result.first_byte < result.total);
  CHECK(black_hole.requests().size() == 1);
}

TEST_CASE("an attempt tells how long its steps took") {
  const auto result = answered(reply(200, "thanks"));
  CHECK(result.total < 10s);
  CHECK(result.connect <= result.first_byte);
  CHECK(result.first_byte <= result.total);
  CHECK(result.tls == 0ms);
}

TEST_CASE("a URL given with a task may not lead to this machine unless its range is allowed") {
  const CannedReceiver receiver(reply(200));
  Desk closed;
  const auto refused = closed.attempt(to_url(receiver.url()));
  CHECK(refused.fault == SendFault::refused_address);
  CHECK(refused.http_status == 0);
  CHECK(refused.detail.find("webhooks.allow") != std::string::npos);
  CHECK(receiver.requests().empty());

  SenderOptions options;
  options.allow = {"127.0.0.0/8"};
  Desk open(std::move(options));
  CHECK(open.attempt(to_url(receiver.url())).http_status == 200);
  // "localhost" resolves to the same place, and is judged by what it resolves to.
  const auto by_name = "http://localhost:" + std::to_string(receiver.port()) + "/";
  CHECK(closed.attempt(to_url(by_name)).fault == SendFault::refused_address);
  CHECK(receiver.requests().size() == 1);
}

TEST_CASE("a configured endpoint on this machine is the operator's own word") {
  const CannedReceiver receiver(reply(200));
  Desk desk(one_endpoint(receiver.url()));
  CHECK(desk.attempt(to_endpoint()).http_status == 200);
}

TEST_CASE("what can never be sent is invalid, and nothing goes out") {
  const CannedReceiver receiver(reply(200));
  auto options = one_endpoint(receiver.url());
  options.allow = {"127.0.0.0/8"};
  options.endpoints["split"] = options.endpoints["app"];
  options.endpoints["split"].headers = {{"X-Evil", "a\r\nX-Injected: b"}};
  options.endpoints["ours"] = options.endpoints["app"];
  options.endpoints["ours"].headers = {{"Webhook-Id", "mine"}};
  options.endpoints["keyless"] = options.endpoints["app"];
  options.endpoints["keyless"].secrets = {"whsec_tooshort"};
  Desk desk(std::move(options));
  for (const auto* endpoint : {"split", "ours", "keyless", "removed"}) {
    CAPTURE(endpoint);
    auto outgoing = to_endpoint();
    outgoing.endpoint = endpoint;
    const auto result = desk.attempt(outgoing);
    CHECK(result.fault == SendFault::invalid);
    CHECK_FALSE(result.detail.empty());
    CHECK(result.detail.find("tooshort") == std::string::npos);
  }
  auto no_secret = to_url(receiver.url());
  no_secret.target.secret.clear();
  CHECK(desk.attempt(no_secret).fault == SendFault::invalid);
  CHECK(desk.attempt(to_url("ftp://127.0.0.1/")).fault == SendFault::invalid);
  auto no_body = to_endpoint();
  no_body.body.reset();
  CHECK(desk.attempt(no_body).detail == "there is no body to send");
  CHECK(receiver.requests().empty());
}

TEST_CASE("a reload holds for the attempts that follow") {
  const CannedReceiver before(reply(200));
  const CannedReceiver after(reply(200));
  Desk desk(one_endpoint(before.url()));
  CHECK(desk.attempt(to_endpoint()).http_status == 200);
  desk.sender.reload(one_endpoint(after.url()));
  CHECK(desk.attempt(to_endpoint()).http_status == 200);
  CHECK(before.requests().size() == 1);
  CHECK(after.requests().size() == 1);
}

TEST_CASE("cancel_all ends what is under way as cancelled, which is no attempt") {
  const CannedReceiver black_hole("");
  Desk desk(one_endpoint(black_hole.url()));
  std::optional<SendResult> result;
  desk.sender.send(to_endpoint(), [&](SendResult came) { result = std::move(came); });
  while (black_hole.requests().empty()) desk.io.poll_one();
  CHECK(desk.sender.in_flight() == 1);
  desk.sender.cancel_all();
  while (!result && desk.io.run_one_for(10s) > 0) {
  }
  REQUIRE(result);
  CHECK(result->fault == SendFault::cancelled);
  CHECK(desk.sender.in_flight() == 0);
}

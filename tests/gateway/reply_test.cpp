#include "daemon/gateway/reply.hpp"

#include <doctest/doctest.h>

#include <tuple>

namespace mjwatchd::gateway::test {
namespace {

using http::Fault;
using http::Response;
using Verdict = FetchReply::Verdict;

const Question kBatch{true, {"1", "2"}};
const Question kSingle{false, {"1"}};
const std::string kToken = "sk-secret/1234";
const std::string kPage = "<html><title>Access denied</title></html>";

Response response(int status, std::string body = "", std::vector<http::Header> headers = {}) {
  Response made;
  made.status = status;
  made.body = std::move(body);
  made.headers = std::move(headers);
  return made;
}

Response broken(Fault fault, int status = 0) {
  Response made;
  made.fault = fault;
  made.status = status;
  made.detail = "words of curl";
  return made;
}

FetchReply batch(const Response& from) { return sort_reply(from, kBatch, kToken); }
FetchReply single(const Response& from) { return sort_reply(from, kSingle, kToken); }

}  // namespace

TEST_CASE("each status has its verdict, for a batch and for a single fetch") {
  for (const auto& [status, of_batch, of_single] : {std::tuple{400, Verdict::rejected, Verdict::rejected},
                                                    {401, Verdict::refused, Verdict::refused},
                                                    {402, Verdict::nonsense, Verdict::nonsense},
                                                    {403, Verdict::refused, Verdict::refused},
                                                    {404, Verdict::unsupported, Verdict::unknown_task},
                                                    {405, Verdict::unsupported, Verdict::nonsense},
                                                    {408, Verdict::unavailable, Verdict::unavailable},
                                                    {410, Verdict::unsupported, Verdict::unknown_task},
                                                    {413, Verdict::rejected, Verdict::rejected},
                                                    {429, Verdict::throttled, Verdict::throttled},
                                                    {500, Verdict::failed, Verdict::failed},
                                                    {501, Verdict::unsupported, Verdict::nonsense},
                                                    {502, Verdict::unavailable, Verdict::unavailable},
                                                    {503, Verdict::unavailable, Verdict::unavailable},
                                                    {504, Verdict::unavailable, Verdict::unavailable},
                                                    {522, Verdict::unavailable, Verdict::unavailable},
                                                    {301, Verdict::nonsense, Verdict::nonsense},
                                                    {304, Verdict::nonsense, Verdict::nonsense}}) {
    for (const std::string& body : {std::string(), std::string("denied"), kPage, std::string(R"({"code":5})")}) {
      CAPTURE(status);
      CAPTURE(body);
      CHECK(batch(response(status, body)).verdict == of_batch);
      CHECK(single(response(status, body)).verdict == of_single);
      CHECK(batch(response(status, body)).http_status == status);
      CHECK(batch(response(status, body)).detail.starts_with("HTTP " + std::to_string(status)));
    }
  }
}

TEST_CASE("a 400 that denies the task is told from one that dislikes the call") {
  const std::string denial = R"({"description":"task_no_found ","type":"upstream_error","code":4})";
  CHECK(single(response(400, denial)).verdict == Verdict::unknown_task);
  CHECK(batch(response(400, denial)).verdict == Verdict::rejected);
  CHECK(single(response(400, R"({"description":"quota_not_enough","code":4})")).verdict == Verdict::rejected);
  CHECK(single(response(400, denial)).detail == "HTTP 400: code 4: task_no_found");
}

TEST_CASE("a success without a body is no task to a single fetch, and nonsense to a batch") {
  for (const int status : {200, 204}) {
    CHECK(single(response(status)).verdict == Verdict::unknown_task);
    CHECK(batch(response(status)).verdict == Verdict::nonsense);
  }
  CHECK(single(response(200, kPage)).verdict == Verdict::nonsense);
  CHECK(batch(response(200, kPage)).verdict == Verdict::nonsense);
  CHECK(batch(response(200, R"([{"id":"2","status":"MODAL"}])")).tasks.at(0).id == "2");
}

TEST_CASE("an exchange that broke off tells of the gateway, not of the task") {
  for (const Fault fault : {Fault::dns, Fault::connect, Fault::tls, Fault::timeout, Fault::broken, Fault::proxy,
                            Fault::invalid_url, Fault::cancelled}) {
    CAPTURE(static_cast<int>(fault));
    CHECK(batch(broken(fault)).verdict == Verdict::unavailable);
    CHECK(single(broken(fault)).verdict == Verdict::unavailable);
    CHECK(single(broken(fault)).detail.ends_with(": words of curl"));
  }
  // What takes a whole body to believe is not believed.
  for (const int status : {200, 400, 404, 405}) {
    CAPTURE(status);
    CHECK(single(broken(Fault::broken, status)).verdict == Verdict::unavailable);
    CHECK(batch(broken(Fault::broken, status)).verdict == Verdict::unavailable);
  }
  CHECK(single(broken(Fault::broken, 401)).verdict == Verdict::refused);
  CHECK(batch(broken(Fault::timeout, 429)).verdict == Verdict::throttled);
  CHECK(batch(broken(Fault::broken, 500)).verdict == Verdict::failed);
}

TEST_CASE("a reply that is too large asks for a smaller batch") {
  CHECK(batch(broken(Fault::too_large, 200)).verdict == Verdict::rejected);
  CHECK(single(broken(Fault::too_large, 200)).verdict == Verdict::nonsense);
}

TEST_CASE("Retry-After in seconds or as a date by the gateway's own clock") {
  CHECK(batch(response(429, "", {{"Retry-After", "7"}})).retry_after == milliseconds(7000));
  CHECK(batch(response(503, "",
                       {{"Date", "Tue, 15 Nov 1994 08:12:31 GMT"}, {"Retry-After", "Tue, 15 Nov 1994 08:12:41 GMT"}}))
            .retry_after == milliseconds(10000));
  CHECK_FALSE(batch(response(429)).retry_after);
  CHECK_FALSE(batch(response(429, "", {{"Retry-After", "soon"}})).retry_after);
  CHECK_FALSE(batch(response(200, "[]", {{"Retry-After", "7"}})).retry_after);
}

TEST_CASE("Date is the gateway's clock, unless the answer is out of a cache") {
  const http::Header date{"date", "Tue, 15 Nov 1994 08:12:31 GMT"};
  CHECK(batch(response(200, "[]", {date})).gateway_clock == WallTime(milliseconds(784887151000)));
  CHECK(batch(response(500, "", {date, {"Age", "0"}})).gateway_clock == WallTime(milliseconds(784887151000)));
  CHECK_FALSE(batch(response(200, "[]", {date, {"Age", "12"}})).gateway_clock);
  CHECK_FALSE(batch(response(200, "[]")).gateway_clock);
  for (const char* bad : {"", "now", "17", "yesterday, at tea time, or so", "1994-11-15T08:12:31Z and so on"}) {
    CAPTURE(bad);
    CHECK_FALSE(batch(response(200, "[]", {{"Date", bad}})).gateway_clock);
  }
}

TEST_CASE("a token that a gateway quotes never stands in a detail, whole or cut") {
  const std::string words = R"({"message":"invalid token )" + std::string(90, 'x') + " " + kToken + " is wrong\"}";
  const std::string listed = R"({"code":7,"message":"invalid token )" + std::string(150, 'x') + " " + kToken + "\"}";
  for (const Response& from :
       {response(401, words), response(500, kToken), response(200, listed),
        response(302, "", {{"Location", "https://x/" + kToken}}), response(403, "<title>" + kToken)}) {
    CAPTURE(from.body);
    for (const FetchReply& reply : {batch(from), single(from)}) {
      CAPTURE(reply.detail);
      CHECK(reply.detail.find("sk-") == std::string::npos);
      CHECK_FALSE(reply.detail.empty());
    }
  }
  Response fault = broken(Fault::tls);
  fault.detail = "near " + kToken + "\n";
  CHECK(single(fault).detail == "TLS failed: near ***");
  CHECK(sort_seed(response(500, kToken), kToken).detail.find("sk-") == std::string::npos);
}

TEST_CASE("what belongs to a task is passed on even if it holds the token") {
  const std::string task = R"({"id":"1","status":"MODAL","hook":"https://x/?t=)" + kToken + "\"}";
  CHECK(single(response(200, task)).tasks.at(0).json->find(kToken) != std::string::npos);
}

TEST_CASE("details are one line of 200 bytes at most") {
  for (const Response& from : {response(500, std::string(5000, 'x')), response(200, std::string(5000, '\x01')),
                               response(302, "", {{"Location", "https://" + std::string(5000, 'h')}})}) {
    const std::string detail = batch(from).detail;
    CAPTURE(detail);
    CHECK(detail.size() <= 200);
    CHECK(detail.find('\x01') == std::string::npos);
  }
}

TEST_CASE("a redirect is named without what may be secret in it") {
  CHECK(
      batch(response(302, "", {{"Location", "https://login.example/in?state=abc"}})).detail ==
      "HTTP 302: a redirect to https://login.example/in, which is not followed; the gateway's url must be the one that "
      "answers");
}

TEST_CASE("whatever breaks a seed's exchange, it may still come, unless we are refused") {
  CHECK(sort_seed(broken(Fault::timeout), kToken).retry);
  CHECK(sort_seed(broken(Fault::broken, 500), kToken).retry);
  CHECK_FALSE(sort_seed(broken(Fault::broken, 401), kToken).retry);
  CHECK_FALSE(sort_seed(broken(Fault::invalid_url), kToken).retry);
  CHECK(sort_seed(response(200, R"({"code":1,"result":"12"})"), kToken).seed == "12");
}

}  // namespace mjwatchd::gateway::test

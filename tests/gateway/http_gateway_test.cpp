// The four calls over real sockets.
#include "daemon/gateway/http_gateway.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "tests/support/raw_server.hpp"

namespace mjwatchd::gateway::test {
namespace {

using mjwatchd::test::close_reply;
using mjwatchd::test::Peer;
using mjwatchd::test::RawServer;
using Verdict = FetchReply::Verdict;

HttpGatewayOptions options_of(const RawServer& server) {
  HttpGatewayOptions options;
  options.url = server.url();
  options.prefix = "/mj";
  options.token = "sk-1";
  return options;
}

/// A gateway on a loop of its own.
struct Bench {
  asio::io_context io;
  http::Client client{io};
  std::unique_ptr<HttpGateway> gateway;

  explicit Bench(HttpGatewayOptions options) : gateway(std::make_unique<HttpGateway>(client, std::move(options))) {}

  template <typename Ready>
  void run_until(Ready ready) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!ready()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      if (io.stopped()) io.restart();
      io.run_one_for(std::chrono::milliseconds(50));
    }
  }

  FetchReply batch(std::vector<std::string> ids) {
    std::optional<FetchReply> got;
    gateway->fetch_batch(std::move(ids), [&](FetchReply reply) { got = std::move(reply); });
    CHECK_FALSE(got);  // never from inside the call
    run_until([&] { return got.has_value(); });
    return std::move(*got);
  }

  FetchReply one(std::string id) {
    std::optional<FetchReply> got;
    gateway->fetch_one(std::move(id), [&](FetchReply reply) { got = std::move(reply); });
    CHECK_FALSE(got);
    run_until([&] { return got.has_value(); });
    return std::move(*got);
  }

  Gateway::Seed seed(std::string id) {
    std::optional<Gateway::Seed> got;
    gateway->image_seed(std::move(id), [&](Gateway::Seed seed) { got = std::move(seed); });
    CHECK_FALSE(got);
    run_until([&] { return got.has_value(); });
    return std::move(*got);
  }
};

RawServer::Handler says(std::string reply) {
  return [reply = std::move(reply)](const std::string&) { return reply; };
}

bool has_line(const std::string& request, const std::string& line) {
  return request.find("\r\n" + line + "\r\n") != std::string::npos;
}

std::string gzip(std::string plain) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(plain.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace

TEST_CASE("a batch is a POST of ids as strings, with one way to say who asks") {
  RawServer server(
      says(close_reply(200, R"([{"id":"17","status":"SUCCESS"}])", "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n")));
  Bench bench(options_of(server));
  const FetchReply reply = bench.batch({"17", "a-b"});
  CHECK(reply.verdict == Verdict::answered);
  REQUIRE(reply.tasks.size() == 1);
  CHECK(reply.tasks[0].status == Status::success);
  CHECK(reply.gateway_clock == WallTime(milliseconds(784887151000)));
  const std::string request = server.requests().at(0);
  CHECK(request.starts_with("POST /mj/task/list-by-condition HTTP/1.1\r\n"));
  CHECK(has_line(request, "Authorization: Bearer sk-1"));
  CHECK(has_line(request, "Content-Type: application/json"));
  CHECK(has_line(request, "Accept: application/json"));
  CHECK(request.find("mj-api-secret") == std::string::npos);
  CHECK(request.find("Expect") == std::string::npos);
  CHECK(request.ends_with("\r\n\r\n{\"ids\":[\"17\",\"a-b\"]}"));
}

TEST_CASE("a single fetch is a GET of the encoded id, and mj-api-secret stands alone") {
  RawServer server(says(close_reply(200, R"({"id":"a:b_c.d","status":"MODAL"})")));
  HttpGatewayOptions options = options_of(server);
  options.auth = Auth::mj_api_secret;
  Bench bench(std::move(options));
  CHECK(bench.one("a:b_c.d").tasks.at(0).status == Status::modal);
  const std::string request = server.requests().at(0);
  CHECK(request.starts_with("GET /mj/task/a%3Ab_c.d/fetch HTTP/1.1\r\n"));
  CHECK(has_line(request, "mj-api-secret: sk-1"));
  CHECK(request.find("Authorization") == std::string::npos);
}

TEST_CASE("an id cannot leave its place in the path") {
  RawServer server(says(close_reply(404, "")));
  Bench bench(options_of(server));
  CHECK(bench.one("x/../../y?z#\r\n %é").verdict == Verdict::unknown_task);
  CHECK(
      server.requests().at(0).starts_with("GET /mj/task/x%2F..%2F..%2Fy%3Fz%23%0D%0A%20%25%C3%A9/fetch HTTP/1.1\r\n"));
}

TEST_CASE("the seed is asked for, and comes") {
  RawServer server(says(close_reply(200, R"({"code":1,"description":"","result":"123"})")));
  Bench bench(options_of(server));
  CHECK(bench.seed("17").seed == "123");
  CHECK(server.requests().at(0).starts_with("GET /mj/task/17/image-seed HTTP/1.1\r\n"));
}

TEST_CASE("a seed is waited for longer than other calls") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    peer.send(close_reply(200, R"({"code":1,"result":"5"})"));
  });
  HttpGatewayOptions options = options_of(server);
  options.timeout = milliseconds(200);
  Bench bench(std::move(options));
  CHECK(bench.one("17").verdict == Verdict::unavailable);
  CHECK(bench.seed("17").seed == "5");
}

TEST_CASE("where the gateway serves a picture, and with what words") {
  RawServer server(says(close_reply(200, "")));
  Bench bench(options_of(server));
  CHECK(bench.gateway->image_url("a:1") == server.url() + "/mj/image/a%3A1");
  CHECK(bench.gateway->auth_header() == "Authorization: Bearer sk-1");
}

TEST_CASE("without a token nobody is named, and slashes at the ends do no harm") {
  RawServer server(says(close_reply(200, "[]")));
  HttpGatewayOptions options = options_of(server);
  options.token.clear();
  options.url += "/";
  options.prefix = "mj-fast/mj/";
  Bench bench(std::move(options));
  CHECK(bench.gateway->auth_header().empty());
  CHECK(bench.gateway->image_url("1") == server.url() + "/mj-fast/mj/image/1");
  CHECK(bench.batch({"1"}).verdict == Verdict::answered);
  CHECK(server.requests().at(0).starts_with("POST /mj-fast/mj/task/list-by-condition HTTP/1.1\r\n"));
  CHECK(server.requests().at(0).find("Authorization") == std::string::npos);
}

TEST_CASE("a compressed reply is read") {
  RawServer server(says(close_reply(200, gzip(R"([{"id":"1","status":"MODAL"}])"), "Content-Encoding: gzip\r\n")));
  Bench bench(options_of(server));
  CHECK(bench.batch({"1"}).tasks.size() == 1);
  CHECK(server.requests().at(0).find("\r\nAccept-Encoding: ") != std::string::npos);
}

TEST_CASE("a redirect is not followed, and the token goes nowhere else") {
  RawServer other(says(close_reply(200, "[]")));
  RawServer server(says(close_reply(307, "", "Location: " + other.url() + "/mj/task/list-by-condition\r\n")));
  Bench bench(options_of(server));
  CHECK(bench.batch({"1"}).verdict == Verdict::nonsense);
  CHECK(other.connections() == 0);
}

TEST_CASE("statuses and Retry-After arrive as verdicts") {
  RawServer server(says(close_reply(429, R"({"description":"too many"})", "Retry-After: 2\r\n")));
  Bench bench(options_of(server));
  const FetchReply reply = bench.batch({"1"});
  CHECK(reply.verdict == Verdict::throttled);
  CHECK(reply.retry_after == milliseconds(2000));
  CHECK(reply.detail == "HTTP 429: too many");
}

TEST_CASE("no connection, a cut body and silence are all unavailability") {
  std::string gone;
  {
    RawServer server(says(""));
    gone = server.url();
  }
  HttpGatewayOptions nobody;
  nobody.url = gone;
  CHECK(Bench(nobody).one("1").verdict == Verdict::unavailable);

  RawServer cut(says(close_reply(200, R"({"id":"1","status":"SUCCESS"})", "", 500)));
  CHECK(Bench(options_of(cut)).one("1").verdict == Verdict::unavailable);

  RawServer silent([](Peer& peer) { peer.stall(); });
  HttpGatewayOptions hasty = options_of(silent);
  hasty.timeout = milliseconds(100);
  const FetchReply reply = Bench(hasty).batch({"1"});
  CHECK(reply.verdict == Verdict::unavailable);
  CHECK(reply.detail.starts_with("no answer in time"));
}

TEST_CASE("a flood is cut off at the bound") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[");
    const std::string piece(1U << 20, ' ');
    while (peer.send(piece)) {
    }
  });
  Bench bench(options_of(server));
  CHECK(bench.batch({"1", "2"}).verdict == Verdict::rejected);
  CHECK(bench.one("1").verdict == Verdict::nonsense);
}

TEST_CASE("after a reload calls go the new way, and those in flight end under the old") {
  RawServer old_server([](Peer& peer) {
    peer.read_request();
    peer.send(close_reply(401, R"({"message":"bad sk-1"})"));
  });
  RawServer new_server(says(close_reply(200, "[]")));
  Bench bench(options_of(old_server));
  std::optional<FetchReply> first;
  bench.gateway->fetch_batch({"1"}, [&](FetchReply reply) { first = std::move(reply); });
  HttpGatewayOptions changed = options_of(new_server);
  changed.token = "sk-2";
  bench.gateway->reload(std::move(changed));
  CHECK(bench.batch({"1"}).verdict == Verdict::answered);
  bench.run_until([&] { return first.has_value(); });
  CHECK(first->verdict == Verdict::refused);
  CHECK(first->detail == "HTTP 401: bad ***");
  CHECK(has_line(new_server.requests().at(0), "Authorization: Bearer sk-2"));
}

TEST_CASE("no callback runs after the gateway's end, and the client is left with nothing") {
  RawServer server([](Peer& peer) { peer.stall(); });
  Bench bench(options_of(server));
  int called = 0;
  for (int i = 0; i < 3; ++i) bench.gateway->fetch_one("1", [&](const FetchReply&) { ++called; });
  bench.gateway->image_seed("1", [&](const Gateway::Seed&) { ++called; });
  bench.run_until([&] { return server.connections() > 0; });
  bench.gateway.reset();
  bench.run_until([&] { return bench.client.in_flight() == 0; });
  CHECK(called == 0);
}

TEST_CASE("a callback may end the gateway, and run the loop on") {
  RawServer server(says(close_reply(200, "[]")));
  Bench bench(options_of(server));
  int called = 0;
  for (int i = 0; i < 4; ++i) {
    bench.gateway->fetch_batch({"1"}, [&](const FetchReply&) {
      ++called;
      bench.gateway.reset();
      bench.run_until([&] { return bench.client.in_flight() == 0; });
    });
  }
  bench.run_until([&] { return bench.client.in_flight() == 0; });
  CHECK(called == 1);
}

}  // namespace mjwatchd::gateway::test

#include <cstdlib>
#include <map>
#include <numeric>

#include "tests/http/client_fixture.hpp"

namespace mjwatchd::http::test {
namespace {

std::string first_line(const std::string& request) { return request.substr(0, request.find("\r\n")); }
std::string body_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What the client sends for this request, as its one answer's body.
RawServer::Script echo() {
  return [](Peer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty() || !peer.send(reply(200, request))) return;
    }
  };
}

Request post_to(std::string url) {
  Request request = request_of(std::move(url));
  request.method = "POST";
  request.body = std::make_shared<const std::string>("body");
  return request;
}

std::string sent(Request request) {
  RawServer server(echo());
  Loop loop;
  request.url = server.url() + request.url;
  const Response response = loop.run(std::move(request));
  CHECK(response.fault == Fault::none);
  return response.body;
}

}  // namespace

TEST_CASE("a GET answers status, headers, body and timings") {
  RawServer server(once(reply(201, "hello", "X-One: 1\r\nx-two:  b c \r\nX-Empty:\r\n")));
  Loop loop;
  const Response got = loop.get(server.url() + "/a?b=c");
  CHECK(got.fault == Fault::none);
  CHECK(got.detail == "");
  CHECK(got.status == 201);
  CHECK(got.body == "hello");
  CHECK_FALSE(got.truncated);
  CHECK(got.header("x-one") == "1");
  CHECK(got.header("X-TWO") == "b c");
  CHECK(got.header("X-Empty") == "");
  CHECK(got.header("absent") == "");
  REQUIRE(got.headers.size() == 4);
  CHECK(got.headers[1].name == "X-One");
  CHECK(got.timings.connect.count() > 0);
  CHECK(got.timings.first_byte >= got.timings.connect);
  CHECK(got.timings.total >= got.timings.first_byte);
  CHECK(got.timings.tls.count() == 0);
  CHECK(loop.client.in_flight() == 0);
}

TEST_CASE("the request on the wire is what was asked for and nothing more") {
  Request request = request_of("/x%20y?q=1");
  request.headers = {"X-Mine: yes", "X-Blank: ", "Accept: text/plain", "Expect: 100-continue"};
  const std::string got = sent(std::move(request));
  CHECK(first_line(got) == "GET /x%20y?q=1 HTTP/1.1");
  CHECK(has(got, "\r\nX-Mine: yes\r\n"));
  CHECK(has(got, "\r\nX-Blank:\r\n"));
  CHECK(has(got, "\r\nAccept: text/plain\r\n"));
  CHECK(has(got, "\r\nUser-Agent: mjwatchd/"));
  CHECK_FALSE(has(got, "Expect"));
  CHECK_FALSE(has(got, "Cookie"));
  CHECK_FALSE(has(got, "Authorization"));
  CHECK_FALSE(has(got, "Accept-Encoding"));
  CHECK_FALSE(has(got, "Upgrade"));
}

TEST_CASE("a body is sent byte for byte, with no headers of curl's") {
  std::string bytes(300'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "GET"}) {
    CAPTURE(method);
    Request request = request_of("/");
    request.method = method;
    request.body = std::make_shared<const std::string>(bytes);
    const std::string got = sent(std::move(request));
    CHECK(first_line(got) == std::string(method) + " / HTTP/1.1");
    CHECK(has(got, "\r\nContent-Length: 300000\r\n"));
    CHECK_FALSE(has(got.substr(0, got.size() - bytes.size()), "Content-Type"));
    CHECK_FALSE(has(got.substr(0, got.size() - bytes.size()), "Expect"));
    CHECK(body_of(got) == bytes);
  }
}

TEST_CASE("a request leaves nothing to the next one, of whatever kind the two are") {
  RawServer server(echo());
  const auto kinds = [&] {
    std::vector<Request> list(9, post_to(server.url() + "/"));
    list[1].headers = {"X-Mine: yes", "User-Agent: other"};
    list[2].accept_encoding = true;
    list[3].url += "other";
    list[4].userpwd = "who:secret";
    list[5].method = "PUT";
    list[6].method = "GET";
    list[6].body = nullptr;
    list[7].method = "DELETE";
    list[7].headers = {"Content-Type: text/plain"};
    list[8].headers = {"Content-Type: application/json"};
    list[8].body = std::make_shared<const std::string>("a longer body");
    return list;
  }();
  std::vector<std::string> alone;
  for (const Request& one : kinds) alone.push_back(Loop().run(one).body);
  for (std::size_t first = 0; first < kinds.size(); ++first) {
    for (std::size_t next = 0; next < kinds.size(); ++next) {
      CAPTURE(first);
      CAPTURE(next);
      Loop loop;
      CHECK(loop.run(kinds[first]).body == alone[first]);
      CHECK(loop.run(kinds[next]).body == alone[next]);
      CHECK(loop.run(kinds[next]).body == alone[next]);
    }
  }
}

TEST_CASE("a request that can't be made leaves its handle as good as new") {
  RawServer server(echo());
  Loop loop;
  const Request good = post_to(server.url() + "/");
  CHECK(loop.run(good).status == 200);
  Request bad = good;
  bad.url = "http://exa mple/";
  CHECK(loop.run(bad).fault == Fault::invalid_url);
  bad = good;
  bad.proxy = "nonsense://127.0.0.1:1";
  CHECK(loop.run(bad).fault != Fault::none);
  CHECK(loop.run(good).status == 200);
}

TEST_CASE("a connection that died is replaced for each request anew, however often that was needed before") {
  RawServer server([](Peer& peer) {
    if (!peer.read_request().empty() && peer.send(reply(200, "ok"))) peer.read_request();
  });
  Loop loop;
  for (int i = 0; i < 14; ++i) {
    CAPTURE(i);
    const Response got = loop.run(post_to(server.url() + "/"));
    CHECK(got.status == 200);
    CHECK(got.detail == "");
  }
}

TEST_CASE("what was never begun has no times, also after one to the same place that was") {
  RawServer server(echo());
  Loop loop;
  const Request good = post_to(server.url() + "/");
  CHECK(loop.run(good).timings.total.count() > 0);
  Request bad = good;
  bad.headers = {"no colon"};
  const Response refused = loop.run(bad);
  CHECK(refused.fault == Fault::invalid_url);
  CHECK(refused.timings.total.count() == 0);
  std::optional<Response> cancelled;
  loop.client.cancel(loop.client.start(good, [&](Response response) { cancelled = std::move(response); }));
  run_until(loop.io, [&] { return cancelled.has_value(); });
  CHECK(cancelled->fault == Fault::cancelled);
  CHECK(cancelled->timings.total.count() == 0);
}

TEST_CASE("methods without a body") {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    CAPTURE(method);
    Request request = request_of("/");
    request.method = method;
    const std::string got = sent(std::move(request));
    CHECK(first_line(got) == std::string(method) + " / HTTP/1.1");
    CHECK(body_of(got) == "");
  }
  RawServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"));
  Loop loop;
  for (int i = 0; i < 2; ++i) {
    Request head = request_of(server.url());
    head.method = "HEAD";
    const Response got = loop.run(std::move(head));
    CHECK(got.fault == Fault::none);
    CHECK(got.header("content-length") == "999999999");
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("a connection is used again, whatever the answer was") {
  RawServer server([](Peer& peer) {
    for (int i = 0; !peer.read_request().empty(); ++i) peer.send(reply(i % 2 == 0 ? 200 : 500, "x"));
  });
  Loop loop;
  for (int i = 0; i < 20; ++i) CHECK(loop.get(server.url()).body == "x");
  CHECK(server.connections() == 1);
}

TEST_CASE("a connection is used for its time and then replaced, though it lives") {
  RawServer server(always(reply(200, "x")));
  Loop loop;
  Request request = request_of(server.url());
  CHECK(request.connection_life == std::chrono::hours(1));
  request.connection_life = std::chrono::seconds(1);
  std::size_t made = 0;
  run_until(loop.io, [&] {
    ++made;
    CHECK(loop.run(request).body == "x");
    return server.connections() == 2;
  });
  CHECK(made > 2);
}

TEST_CASE("a kept connection that died is replaced, and the body sent again") {
  RawServer server([](Peer& peer) {
    const std::string first = peer.read_request();
    peer.send(reply(200, std::to_string(peer.number()) + body_of(first)));
    peer.read_request();  // and closes without an answer
  });
  Loop loop;
  Request request = request_of(server.url());
  request.method = "POST";
  request.body = std::make_shared<const std::string>("abc");
  CHECK(loop.run(request).body == "0abc");
  CHECK(loop.run(request).body == "1abc");
  CHECK(server.connections() == 2);
}

TEST_CASE("redirects are not followed") {
  RawServer elsewhere(always(reply(200, "no")));
  RawServer server(always(reply(302, "moved", "Location: " + elsewhere.url() + "\r\n")));
  Loop loop;
  const Response got = loop.get(server.url());
  CHECK(got.status == 302);
  CHECK(got.body == "moved");
  CHECK(got.header("location") == elsewhere.url());
  CHECK(elsewhere.connections() == 0);
}

TEST_CASE("interim answers and trailers are not the answer") {
  RawServer server(
      once("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: "
           "T\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n"));
  Loop loop;
  int heads = 0;
  Request request = request_of(server.url());
  request.on_head = [&](const Response& head) {
    ++heads;
    CHECK(head.status == 200);
    CHECK(head.header("link") == "");
    CHECK(head.body == "");
    return true;
  };
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::none);
  CHECK(got.body == "hello");
  CHECK(got.headers.size() == 2);
  CHECK(heads == 1);
}

TEST_CASE("proxies of the environment are not used") {
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"})
    ::setenv(name, "http://127.0.0.1:1", 1);
  RawServer server(always(reply(200, "direct")));
  Loop loop;
  CHECK(loop.get(server.url()).body == "direct");
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
}

TEST_CASE("cookies are not kept") {
  RawServer server([](Peer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      peer.send(reply(200, has(request, "Cookie") ? "cookie" : "none", "Set-Cookie: a=b\r\n"));
    }
  });
  Loop loop;
  CHECK(loop.get(server.url()).body == "none");
  CHECK(loop.get(server.url()).body == "none");
}

TEST_CASE("credentials and AWS signatures") {
  Request basic = request_of("/");
  basic.userpwd = "ann:secret";
  CHECK(has(sent(std::move(basic)), "\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n"));
  Request signing = request_of("/bucket/key");
  signing.method = "PUT";
  signing.body = std::make_shared<const std::string>("x");
  signing.aws_sigv4 = "aws:amz:eu-west-1:s3";
  signing.userpwd = "AKID:secret";
  const std::string got = sent(std::move(signing));
  CHECK(has(got, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/"));
  CHECK(has(got, "/eu-west-1/s3/aws4_request"));
}

TEST_CASE("nothing of one exchange is left for the next on the same handle") {
  RawServer server(echo());
  Loop loop;
  Request first = request_of(server.url() + "/1");
  first.method = "PUT";
  first.body = std::make_shared<const std::string>("body");
  first.headers = {"X-Secret: s"};
  first.userpwd = "a:b";
  first.accept_encoding = true;
  CHECK(loop.run(std::move(first)).status == 200);
  const std::string second = loop.get(server.url() + "/2").body;
  CHECK(first_line(second) == "GET /2 HTTP/1.1");
  CHECK(body_of(second) == "");
  for (const char* left : {"X-Secret", "Authorization", "Accept-Encoding", "Content-Length"})
    CHECK_FALSE(has(second, left));
}

TEST_CASE("200 exchanges at a time, twice, over 200 connections") {
  RawServer server([](Peer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      peer.send(reply(200, body_of(request)));
    }
  });
  Loop loop;
  for (int round = 0; round < 2; ++round) {
    std::map<int, std::string> got;
    for (int i = 0; i < 200; ++i) {
      Request request = request_of(server.url());
      request.method = "POST";
      request.body = std::make_shared<const std::string>(std::string(1000, 'x') + std::to_string(i));
      loop.client.start(std::move(request), [&got, i](Response response) { got[i] = response.body; });
    }
    CHECK(loop.client.in_flight() == 200);
    run_until(loop.io, [&] { return got.size() == 200; });
    for (const auto& [i, body] : got) CHECK(body == std::string(1000, 'x') + std::to_string(i));
  }
  CHECK(server.connections() <= 200);
}

TEST_CASE("over a Unix socket, where no guard is asked") {
  char folder[] = "/tmp/mjwatchd-client-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/socket";
  {
    RawServer server(echo(), path);
    Loop loop;
    Request request = request_of("http://mjwatchd/v1/tasks");
    request.unix_socket = path;
    request.guard = [](const sockaddr&) { return std::optional<std::string>("no"); };
    const Response got = loop.run(request);
    CHECK(got.fault == Fault::none);
    CHECK(has(got.body, "GET /v1/tasks HTTP/1.1\r\nHost: mjwatchd\r\n"));
    request.unix_socket = path + "-absent";
    CHECK(loop.run(request).fault == Fault::connect);
    request.unix_socket = std::string(200, 'x');
    CHECK(loop.run(request).fault == Fault::connect);
  }
  ::remove(path.c_str());
  ::remove(folder);
}

TEST_CASE("the loop ends by itself when nothing is in flight") {
  RawServer server(always(reply(200, "x")));
  asio::io_context io;
  Client client(io);
  int done = 0;
  Request request = request_of(server.url());
  request.timeout = std::chrono::minutes(10);
  request.stall_timeout = std::chrono::minutes(10);
  client.start(request, [&](Response) { ++done; });
  CHECK(io.run_for(std::chrono::seconds(20)) > 0);
  CHECK(done == 1);
  CHECK(io.stopped());
}

}  // namespace mjwatchd::http::test

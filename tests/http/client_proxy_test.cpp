#include "tests/http/client_fixture.hpp"

namespace mjwatchd::http::test {
namespace {

Response through(const RawServer& proxy, const std::string& scheme, const std::string& url) {
  Loop loop;
  Request request = request_of(url);
  request.proxy = scheme + "://me:hush@127.0.0.1:" + std::to_string(proxy.port());
  request.timeout = milliseconds(20000);
  return loop.run(std::move(request));
}

// Greets as SOCKS5 does with a user's name, answers the connect request with this code, then serves.
RawServer::Script socks(char code, std::string& asked, std::string answer = "") {
  return [code, &asked, answer = std::move(answer)](Peer& peer) {
    const std::string hello = peer.read(2);
    peer.read(static_cast<std::size_t>(hello.at(1)));
    peer.send(std::string("\x05\x02", 2));
    const std::string user = peer.read(2);
    peer.read(static_cast<std::size_t>(user.at(1)));
    peer.read(static_cast<std::size_t>(peer.read(1).at(0)));
    peer.send(std::string("\x01\x00", 2));
    const std::string wish = peer.read(5);
    asked = peer.read(static_cast<std::size_t>(wish.at(4)));
    peer.read(2);
    peer.send(std::string("\x05") + code + std::string("\x00\x01\x7f\x00\x00\x01\x00\x50", 8));
    if (code != 0) return;
    peer.read_request();
    peer.send(answer);
  };
}

}  // namespace

TEST_CASE("http through a proxy: its answer is taken for the receiver's") {
  RawServer proxy(RawServer::Handler([](const std::string& request) { return close_reply(200, request); }));
  const Response got = through(proxy, "http", "http://receiver.invalid/path");
  CHECK(got.fault == Fault::none);
  CHECK(got.body.starts_with("GET http://receiver.invalid/path HTTP/1.1\r\n"));
  CHECK(got.body.find("Proxy-Authorization: Basic ") != std::string::npos);
}

TEST_CASE("https through a proxy is tunnelled; its refusal is the proxy's fault") {
  RawServer proxy(RawServer::Handler([](const std::string&) {
    return close_reply(407, "pay first", "X-Proxy: yes\r\nProxy-Authenticate: Basic realm=x\r\n");
  }));
  const Response got = through(proxy, "http", "https://receiver.invalid/path?token=t");
  CHECK(proxy.requests().at(0).starts_with("CONNECT receiver.invalid:443 HTTP/1.1\r\n"));
  CHECK(proxy.requests().at(0).find("token") == std::string::npos);
  CHECK(got.fault == Fault::proxy);
  CHECK(got.status == 0);
  CHECK(got.headers.empty());
  CHECK(got.body == "");
}

TEST_CASE("what fails inside the tunnel is not the proxy's fault, and its head is no answer") {
  RawServer proxy([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 Connected\r\nX-Proxy: yes\r\n\r\nthis is not TLS, whatever else it may be\r\n");
    peer.stall();
  });
  const Response got = through(proxy, "http", "https://receiver.invalid/");
  CAPTURE(got.detail);
  CHECK(got.fault == Fault::tls);
  CHECK(got.status == 0);
  CHECK(got.headers.empty());
}

TEST_CASE("a proxy that can't be reached or used") {
  Loop loop;
  for (const char* proxy : {"http://127.0.0.1:1", "http://no-such-proxy.invalid:3128", "socks5h://127.0.0.1:1",
                            "gopher://me:hush@127.0.0.1:1", "http://me:hush@[::1", "http://me:hush@127.0.0.1:999999"}) {
    CAPTURE(proxy);
    Request request = request_of("http://127.0.0.1:1/");
    request.proxy = proxy;
    const Response got = loop.run(std::move(request));
    CHECK(got.fault == Fault::proxy);
    CHECK(got.detail != "");
    CHECK(got.detail.find("hush") == std::string::npos);
  }
}

TEST_CASE("an https proxy that does not speak TLS") {
  RawServer proxy([](Peer& peer) {
    peer.send("HTTP/1.1 400 Bad\r\n\r\n");
    peer.stall();
  });
  CHECK(through(proxy, "https", "http://receiver.invalid/").fault == Fault::proxy);
}

TEST_CASE("socks5h leaves the name to the proxy, and tells whose fault it is") {
  std::string asked;
  {
    RawServer proxy(socks(0, asked, close_reply(200, "through")));
    CHECK(through(proxy, "socks5h", "http://receiver.invalid/").body == "through");
  }
  CHECK(asked == "receiver.invalid");
  {
    RawServer proxy(socks(5, asked));
    CHECK(through(proxy, "socks5h", "http://receiver.invalid/").fault == Fault::connect);
  }
  {
    RawServer proxy(socks(2, asked));
    CHECK(through(proxy, "socks5h", "http://receiver.invalid/").fault == Fault::proxy);
  }
}

}  // namespace mjwatchd::http::test

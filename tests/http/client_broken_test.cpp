// What peers get wrong, and what is too much of the right.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/http/client_fixture.hpp"

namespace mjwatchd::http::test {
namespace {

Response answered(std::string bytes) {
  RawServer server(once(std::move(bytes)));
  Loop loop;
  return loop.get(server.url());
}

std::string chunked(const std::string& chunks, const std::string& headers = "") {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + headers + "\r\n" + chunks;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(text.size() + 100, '\0');
  std::string plain = text;
  stream.next_in = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// A port of 127.0.0.1 where nobody listens.
std::uint16_t closed_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

TEST_CASE("a cut answer is broken, and what came of it is kept") {
  const Response got = answered("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  CHECK(got.fault == Fault::broken);
  CHECK(got.detail != "");
  CHECK(got.status == 200);
  CHECK(got.body == "half");
  CHECK(answered("HTTP/1.1 500 X\r\nContent-Le").status == 500);
}

TEST_CASE("broken answers") {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        "not http at all\r\n\r\n", "HTTP/7.3 200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    CAPTURE(bytes);
    const Response got = answered(bytes);
    CHECK(got.fault == Fault::broken);
    CHECK(got.status == (std::string_view(bytes).starts_with("HTTP/1.1 200") ? 200 : 0));
    CHECK(got.detail != "");
    CHECK(got.detail.find('\n') == std::string::npos);
  }
}

TEST_CASE("bad chunking is broken") {
  for (const char* chunks : {"xyz\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n", "5\r\nhelloworld\r\n0\r\n\r\n", "5\r\nhel",
                             "5\r\nhello\r\n0\r\n", "FFFFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"}) {
    CAPTURE(chunks);
    const Response got = answered(chunked(chunks));
    CHECK(got.fault == Fault::broken);
    CHECK(got.status == 200);
  }
  CHECK(answered(chunked("5;x=y\r\nhello\r\n0\r\n\r\n")).body == "hello");
}

TEST_CASE("a connection that is reset is broken") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.reset();
  });
  Loop loop;
  CHECK(loop.get(server.url()).fault == Fault::broken);
}

TEST_CASE("an answer without a length ends with the connection") {
  const Response got = answered("HTTP/1.1 200 OK\r\n\r\nall of it");
  CHECK(got.fault == Fault::none);
  CHECK(got.body == "all of it");
}

TEST_CASE("endless headers are broken, also those of interim answers") {
  for (const std::string& line : {"X: " + std::string(1000, 'x') + "\r\n", std::string("HTTP/1.1 100 Go on\r\n\r\n")}) {
    RawServer server([&](Peer& peer) {
      peer.read_request();
      if (line.starts_with("X")) peer.send("HTTP/1.1 200 OK\r\n");
      while (peer.send(line)) {
      }
    });
    Loop loop;
    CHECK(loop.get(server.url()).fault == Fault::broken);
  }
}

TEST_CASE("too large as announced: nothing of the body is waited for") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n");
    peer.stall();
  });
  Loop loop;
  Request request = request_of(server.url());
  request.max_body = 100;
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::too_large);
  CHECK(got.status == 200);
  CHECK(got.header("content-length") == "101");
}

TEST_CASE("too large as counted") {
  RawServer server(once(chunked("64\r\n" + std::string(100, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n")));
  Loop loop;
  Request request = request_of(server.url());
  request.max_body = 100;
  CHECK(loop.run(request).fault == Fault::too_large);
  request.max_body = 101;
  CHECK(loop.run(request).fault == Fault::none);
  request.max_body = 0;
  CHECK(loop.run(request).fault == Fault::too_large);
}

TEST_CASE("an empty body is never too large") {
  RawServer server(always(reply(200, "")));
  Loop loop;
  Request request = request_of(server.url());
  request.max_body = 0;
  CHECK(loop.run(std::move(request)).fault == Fault::none);
}

TEST_CASE("a body is cut at keep_body, and the connection kept") {
  RawServer server(always(reply(200, std::string(50'000, 'a') + "b")));
  Loop loop;
  for (const std::uint64_t keep : {50'001U, 50'000U, 10U, 0U}) {
    CAPTURE(keep);
    Request request = request_of(server.url());
    request.keep_body = keep;
    const Response got = loop.run(std::move(request));
    CHECK(got.fault == Fault::none);
    CHECK(got.body.size() == keep);
    CHECK(got.truncated == (keep < 50'001));
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("on_head sees the head and can abort before the body") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 404 No\r\nX: y\r\nContent-Length: 5\r\n\r\n");
    peer.stall();
  });
  Loop loop;
  Request request = request_of(server.url());
  request.on_head = [](const Response& head) {
    CHECK(head.status == 404);
    CHECK(head.header("x") == "y");
    return false;
  };
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::aborted);
  CHECK(got.status == 404);
  CHECK(got.header("x") == "y");
}

TEST_CASE("on_body takes the body in pieces and can abort") {
  const std::string body(200'000, 'x');
  RawServer server(always(reply(200, body)));
  Loop loop;
  std::string got;
  Request request = request_of(server.url());
  request.keep_body = 0;
  request.on_body = [&](std::string_view piece) {
    got += piece;
    return true;
  };
  const Response whole = loop.run(request);
  CHECK(whole.fault == Fault::none);
  CHECK(whole.body == "");
  CHECK_FALSE(whole.truncated);
  CHECK(got == body);

  int pieces = 0;
  request.on_body = [&](std::string_view) { return ++pieces < 3; };
  CHECK(loop.run(request).fault == Fault::aborted);
  CHECK(pieces == 3);
}

TEST_CASE("what a callback throws ends the exchange and nothing else") {
  RawServer server(always(reply(200, "x")));
  Loop loop;
  Request request = request_of(server.url());
  request.on_body = [](std::string_view) -> bool { throw std::runtime_error("disk full"); };
  const Response body = loop.run(request);
  CHECK(body.fault == Fault::aborted);
  CHECK(body.detail == "disk full");
  request.on_head = [](const Response&) -> bool { throw 1; };
  CHECK(loop.run(request).fault == Fault::aborted);
  CHECK(loop.get(server.url()).fault == Fault::none);
}

TEST_CASE("the exchange's time is over") {
  RawServer server([](Peer& peer) { peer.stall(); });
  Loop loop;
  Request request = request_of(server.url());
  request.timeout = milliseconds(100);
  Response got = loop.run(request);
  CHECK(got.fault == Fault::timeout);
  CHECK(got.status == 0);
  CHECK(got.timings.total >= milliseconds(90));
  request.timeout = milliseconds(-5);  // over before it began; not "for ever"
  CHECK(loop.run(request).fault == Fault::timeout);
}

TEST_CASE("the time of an exchange with a limit is kept as long as it goes on") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.stall();
  });
  Loop loop;
  bool half = false, ended = false;
  Request request = request_of(server.url());
  request.timeout = std::chrono::minutes(10);
  request.on_body = [&](std::string_view) { return half = true; };
  const auto call = loop.client.start(std::move(request), [&](const Response&) { ended = true; });
  run_until(loop.io, [&] { return half; });
  CHECK_FALSE(loop.client.forgets_time());
  loop.client.cancel(call);
  run_until(loop.io, [&] { return ended; });
  CHECK_FALSE(loop.client.forgets_time());  // there is none left to keep
}

TEST_CASE("a stalled answer is given up long before the exchange's time") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.stall();
  });
  Loop loop;
  Request request = request_of(server.url());
  request.timeout = milliseconds(0);
  request.stall_timeout = milliseconds(100);
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::timeout);
  CHECK(got.detail == "nothing moved for 100 milliseconds");
  CHECK(got.status == 200);
  CHECK(got.body == "half");
}

TEST_CASE("a slow answer that moves is not stalled") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
    peer.drip(std::string(20, 'x'), milliseconds(100));
  });
  Loop loop;
  Request request = request_of(server.url());
  request.stall_timeout = milliseconds(1200);
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::none);
  CHECK(got.timings.total > milliseconds(1200));
}

TEST_CASE("nobody listens; no such name") {
  Loop loop;
  const Response refused = loop.get("http://127.0.0.1:" + std::to_string(closed_port()));
  CHECK(refused.fault == Fault::connect);
  CHECK(refused.detail != "");
  const Response unknown = loop.get("http://no-such-host.invalid/");
  CHECK(unknown.fault == Fault::dns);
  CHECK(unknown.detail.find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE("requests that can't be made") {
  Loop loop;
  for (const char* url : {"", "x", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a b/", "http://[::1",
                          "http://host:99999/", "http://a\r\nb/", "127.0.0.1/"}) {
    CAPTURE(url);
    const Response got = loop.get(url);
    CHECK(got.fault == Fault::invalid_url);
    CHECK(got.detail != "");
  }
  CHECK(loop.get(std::string("http://127.0.0.1/\0x", 19)).fault == Fault::invalid_url);
  for (const char* header : {"X", "X: a\r\nY: b", ": x", "A B: c", "X: a\nb"}) {
    CAPTURE(header);
    Request request = request_of("http://127.0.0.1:1/");
    request.headers = {header};
    const Response got = loop.run(std::move(request));
    CHECK(got.fault == Fault::invalid_url);
    CHECK(got.detail.find("a\n") == std::string::npos);
  }
  for (const char* method : {"", "G T", "GET\r\nX: y", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    Request request = request_of("http://127.0.0.1:1/");
    request.method = method;
    CHECK(loop.run(std::move(request)).fault == Fault::invalid_url);
  }
}

TEST_CASE("compression only when it is wanted") {
  const std::string text(100'000, 'z');
  const std::string packed = gzip(text);
  RawServer server([&](Peer& peer) {
    for (;;) {
      const std::string request = peer.read_request();
      if (request.empty()) return;
      peer.send(reply(200, packed, "Content-Encoding: gzip\r\n"));
    }
  });
  Loop loop;
  Request request = request_of(server.url());
  CHECK(loop.run(request).body == packed);
  request.accept_encoding = true;
  CHECK(loop.run(request).body == text);
  request.max_body = 50'000;  // counted as unpacked
  CHECK(loop.run(request).fault == Fault::too_large);
}

TEST_CASE("compressed nonsense is broken") {
  RawServer server(once(reply(200, "this is not gzip", "Content-Encoding: gzip\r\n")));
  Loop loop;
  Request request = request_of(server.url());
  request.accept_encoding = true;
  CHECK(loop.run(std::move(request)).fault == Fault::broken);
}

}  // namespace mjwatchd::http::test

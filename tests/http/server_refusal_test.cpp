// Requests that are turned down, so that nobody reads them in two ways.
#include <doctest/doctest.h>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;
using Over = RawClient::Over;

namespace {

struct Bad {
  std::string what;
  std::string bytes;
  int status = 400;
};

const std::string kNul(1, '\0');

std::string chunked(const std::string& rest) {
  return "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + rest;
}

std::string with(const std::string& headers) { return "POST / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n"; }

std::vector<Bad> bad_lines() {
  return {
      {"bare LF", "GET / HTTP/1.1\nHost: h\n\n"},
      {"bare LF after one header", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n"},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n"},
      {"bare CR", "GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n"},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"},
      {"HTTP/0.9", "GET /\r\n"},
      {"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"no method", " / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"unknown method", "G=T / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n"},
      {"HTTP/2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"TLS", "\x16\x03\x01\x02"},
      {"NUL in the target", "GET /a" + kNul + " HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b" + kNul + "\r\n\r\n"},
      {"escape in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \x1b[2J\r\n\r\n"},
      {"DEL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \x7f\r\n\r\n"},
      {"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n"},
      {"tab before the colon", "GET / HTTP/1.1\r\nHost: h\r\nA\t: h\r\n\r\n"},
      {"no colon", "GET / HTTP/1.1\r\nHost: h\r\nword\r\n\r\n"},
      {"empty name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"},
      {"odd name", "GET / HTTP/1.1\r\nHost: h\r\na(b: x\r\n\r\n"},
      {"folded header", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"},
      {"folded first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"},
  };
}

std::vector<Bad> bad_targets() {
  return {
      {"encoded NUL", get("/a%00b")},
      {"encoded NUL in the query", get("/a?b=%00")},
      {"bad hex", get("/%zz")},
      {"cut encoding", get("/%4")},
      {"lone percent", get("/%")},
      {"bad hex in the query", get("/?a=%f")},
      {"fragment", get("/a#b")},
      {"no slash", get("a")},
      {"not ASCII", get("/\xc3\xa9")},
      {"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"65 segments", get([] {
         std::string path;
         for (int i = 0; i < 65; ++i) path += "/a";
         return path;
       }())},
      {"257 parameters", get([] {
         std::string path = "/?";
         for (int i = 0; i < 257; ++i) path += "a&";
         return path;
       }())},
  };
}

std::vector<Bad> bad_framing() {
  return {
      {"two lengths that differ", with("Content-Length: 1\r\nContent-Length: 2\r\n") + "xy"},
      {"the same length twice", with("Content-Length: 1\r\nContent-Length: 1\r\n") + "x"},
      {"a list of lengths", with("Content-Length: 1, 1\r\n") + "x"},
      {"length with a sign", with("Content-Length: +1\r\n") + "x"},
      {"negative length", with("Content-Length: -1\r\n")},
      {"empty length", with("Content-Length:\r\n")},
      {"hex length", with("Content-Length: 0x1\r\n") + "x"},
      {"a length of many digits", with("Content-Length: 99999999999999999999\r\n")},
      {"length, then chunked", with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"},
      {"chunked, then length", with("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n") + "0\r\n\r\n"},
      {"zero length, then chunked", with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"},
      {"chunked twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"},
      {"gzip, chunked", with("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", 501},
      {"chunked, identity", with("Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n"},
      {"only gzip", with("Transfer-Encoding: gzip\r\n"), 501},
      {"a disguised chunked", with("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n", 501},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
  };
}

std::vector<Bad> bad_chunks() {
  return {
      {"chunk size that is none", chunked("x\r\n")},
      {"negative chunk size", chunked("-1\r\n")},
      {"empty chunk size", chunked("\r\n")},
      {"chunk size with 0x", chunked("0x1\r\na\r\n0\r\n\r\n")},
      {"endless chunk size", chunked("fffffffffffffffff\r\n")},
      {"chunk size and space", chunked("1 \r\na\r\n0\r\n\r\n")},
      {"chunk size ended by LF", chunked("1\na\r\n0\r\n\r\n")},
      {"chunk size ended by CR and something", chunked("1\rXa\r\n0\r\n\r\n")},
      {"chunk ended by LF", chunked("1\r\na\n0\r\n\r\n")},
      {"chunk ended by anything", chunked("1\r\naXY0\r\n\r\n")},
      {"chunk longer than said", chunked("1\r\nab\r\n0\r\n\r\n")},
      {"last chunk ended by LF", chunked("0\n\n")},
      {"trailers ended by LF", chunked("0\r\n\n")},
      {"trailer line ended by LF", chunked("0\r\nA: b\n\r\n")},
      {"trailer with a space before the colon", chunked("0\r\nA : b\r\n\r\n")},
      {"extension ended by LF", chunked("1;a=b\na\r\n0\r\n\r\n")},
  };
}

void check(const std::vector<Bad>& cases) {
  int handled = 0;
  RunningServer server([&handled](const ServerRequest&, const ResponderPtr& to) {
    ++handled;
    to->reply(text("handled"));
  });
  for (const auto& bad : cases) {
    CAPTURE(bad.what);
    RawClient client(server);
    client.send(bad.bytes);  // and stays open: the refusal must not wait for more
    const auto reply = client.read();
    CHECK(reply.status == bad.status);
    CHECK(reply.headers.at("content-type") == "application/problem+json");
    CHECK(reply.headers.at("connection") == "close");
    CHECK(client.read_to_end().empty());
  }
  CHECK(handled == 0);
}

}  // namespace

TEST_CASE("lines that parsers disagree about are refused") { check(bad_lines()); }
TEST_CASE("targets that cannot be decoded are refused") { check(bad_targets()); }
TEST_CASE("bodies whose length is in doubt are refused") { check(bad_framing()); }
TEST_CASE("chunks that are not well-formed are refused") { check(bad_chunks()); }

TEST_CASE("what follows a refused request is not served") {
  int handled = 0;
  RunningServer server([&handled](const ServerRequest&, const ResponderPtr& to) {
    ++handled;
    to->reply(text("handled"));
  });
  const auto all = talk(server, with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + get("/"));
  CHECK(all.starts_with("HTTP/1.1 400 "));
  CHECK(all.find("HTTP/1.1", 1) == std::string::npos);
  CHECK(handled == 0);
}

TEST_CASE("a head that is too large is refused with 431") {
  ServerLimits limits;
  limits.max_header_bytes = 2000;
  RunningServer server([](const ServerRequest&, const ResponderPtr& to) { to->reply(text("fine")); }, limits);
  const auto of_size = [](std::size_t size) {
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nA: ", end = "\r\n\r\n";
    return start + std::string(size - start.size() - end.size(), 'a') + end;
  };
  CHECK(talk(server, of_size(2000)).starts_with("HTTP/1.1 200 "));
  CHECK(talk(server, of_size(2001)).starts_with("HTTP/1.1 431 "));
  CHECK(talk(server, "GET /" + std::string(5000, 'a')).starts_with("HTTP/1.1 431 "));
  CHECK(talk(server, "GET / HTTP/1.1\r\nA: " + std::string(500000, 'a')).starts_with("HTTP/1.1 431 "));
  CHECK(talk(server, chunked("0\r\nA: " + std::string(5000, 'a'))).starts_with("HTTP/1.1 431 "));
}

TEST_CASE("more than a hundred headers are refused with 431") {
  RunningServer server([](const ServerRequest&, const ResponderPtr& to) { to->reply(text("fine")); });
  std::string headers;
  for (int i = 0; i < 99; ++i) headers += "A: b\r\n";
  CHECK(talk(server, with(headers)).starts_with("HTTP/1.1 200 "));
  CHECK(talk(server, with(headers + "A: b\r\n")).starts_with("HTTP/1.1 431 "));
}

TEST_CASE("a body over the limit is refused with 413, announced or not, and the client gets to read it") {
  ServerLimits limits;
  limits.max_body = 1000;
  RunningServer server([](const ServerRequest& request,
                          const ResponderPtr& to) { to->reply(text(std::to_string(request.body.size()))); },
                       limits);
  CHECK(talk(server, post("/", std::string(1000, 'x'))).ends_with("1000"));
  for (const auto over : {Over::tcp, Over::unix_socket}) {
    // Much more than the socket holds: the answer must survive what is still being sent.
    const std::string large(4 << 20, 'x');
    const auto announced = talk(server, post("/", large), over);
    CHECK(announced.starts_with("HTTP/1.1 413 "));
    CHECK(announced.find("connection: close\r\n") != std::string::npos);
    CHECK(talk(server, chunked("400000\r\n" + large), over).starts_with("HTTP/1.1 413 "));
    std::string drops = chunked("");
    for (int i = 0; i < 1001; ++i) drops += "1\r\nx\r\n";
    CHECK(talk(server, drops, over).starts_with("HTTP/1.1 413 "));
  }
  RawClient client(server);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read().status == 413);  // without having asked for it
}

TEST_CASE("a request that the handler refuses is answered before its body") {
  ServerHandler handler;
  handler.refuse = [](const ServerRequest& request) -> std::optional<ServerResponse> {
    if (request.header("authorization") == "Bearer t") return std::nullopt;
    return text("who are you?", 401);
  };
  handler.handle = [](const ServerRequest& request, const ResponderPtr& to) { to->reply(text(request.body)); };
  RunningServer server(std::move(handler));
  RawClient client(server);
  client.send(get("/"));  // nothing unread: the connection goes on
  CHECK(client.read().status == 401);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(client.read().body == "hi");
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  const auto reply = client.read();
  CHECK(reply.status == 401);
  CHECK(reply.headers.at("connection") == "close");
  CHECK(client.read_to_end().empty());
}

TEST_CASE("the plan for a body sets its limit and its sink") {
  struct Counter : BodySink {
    explicit Counter(std::size_t& to) : bytes(to) {}
    void piece(std::string_view piece) override { bytes += piece.size(); }
    std::size_t& bytes;
  };
  std::size_t bytes = 0;
  ServerHandler handler;
  handler.plan_body = [&bytes](const ServerRequest& head) {
    ServerHandler::BodyPlan plan;
    if (head.path == std::vector<std::string>{"small"}) plan.max_body = 10;
    if (head.path == std::vector<std::string>{"sink"}) {
      plan.max_body = 8 << 20;
      plan.sink = std::make_shared<Counter>(bytes);
    }
    if (head.path == std::vector<std::string>{"throw"}) throw std::runtime_error("no plan");
    return plan;
  };
  handler.handle = [&bytes](const ServerRequest& request, const ResponderPtr& to) {
    to->reply(text(std::to_string(request.body.size()) + " " + std::to_string(bytes)));
  };
  RunningServer server(std::move(handler));
  CHECK(talk(server, post("/small", "0123456789")).ends_with("\r\n\r\n10 0"));
  CHECK(talk(server, post("/small", "0123456789a")).starts_with("HTTP/1.1 413 "));
  CHECK(talk(server, post("/sink", std::string(8 << 20, 'x'))).ends_with("\r\n\r\n0 8388608"));
  CHECK(talk(server, post("/throw", "x")).starts_with("HTTP/1.1 500 "));
  CHECK(talk(server, post("/", "abc")).ends_with("\r\n\r\n3 8388608"));
}

TEST_CASE("a sink that throws answers 500") {
  struct Broken : BodySink {
    void piece(std::string_view) override { throw std::runtime_error("full"); }
  };
  ServerHandler handler;
  handler.plan_body = [](const ServerRequest&) { return ServerHandler::BodyPlan{100, std::make_shared<Broken>()}; };
  bool handled = false;
  handler.handle = [&handled](const ServerRequest&, const ResponderPtr&) { handled = true; };
  RunningServer server(std::move(handler));
  CHECK(talk(server, post("/", "abc")).starts_with("HTTP/1.1 500 "));
  CHECK_FALSE(handled);
}

TEST_CASE("a sink whose client goes in the middle of the body is destroyed, and nothing is handled") {
  struct Sink : BodySink {
    explicit Sink(std::promise<void>& told) : destroyed(told) {}
    ~Sink() override { destroyed.set_value(); }
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    void piece(std::string_view) override {}
    std::promise<void>& destroyed;
  };
  std::promise<void> destroyed;
  bool handled = false;
  ServerHandler handler;
  handler.plan_body = [&destroyed](const ServerRequest&) {
    return ServerHandler::BodyPlan{100, std::make_shared<Sink>(destroyed)};
  };
  handler.handle = [&handled](const ServerRequest&, const ResponderPtr&) { handled = true; };
  RunningServer server(std::move(handler));
  RawClient client(server);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  CHECK(server.settles_at(1));
  client.close();
  CHECK(destroyed.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  CHECK(server.settles_at(0));
  CHECK_FALSE(handled);
}

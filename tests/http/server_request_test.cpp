// What a handler gets to see of a request, and how connections are reused.
#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;
using Over = RawClient::Over;

namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += "[" + part + "]";
  return out;
}

/// Tells back what it was asked.
void tell(const ServerRequest& request, const ResponderPtr& to) {
  std::string out = request.method + " " + joined(request.path);
  for (const auto& [name, value] : request.query) out += " " + name + "=" + value;
  if (!request.body.empty()) out += " body " + request.body;
  to->reply(text(out));
}

/// Tells the path back only.
void tell_path(const ServerRequest& request, const ResponderPtr& to) { to->reply(text(joined(request.path))); }

}  // namespace

TEST_CASE("a request arrives with its path, query, headers and body") {
  ServerRequest seen;
  RunningServer server([&seen](ServerRequest request, const ResponderPtr& to) {
    seen = std::move(request);
    to->reply(text("fine"));
  });
  RawClient client(server);
  client.send(
      "PUT /v1/tasks/a%2Fb%20c?wait=30s&x=1+2%263&flag&=e HTTP/1.1\r\nHost: localhost\r\nX-Some-THING:  \t padded \t "
      "\r\n"
      "Empty:\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(client.read().body == "fine");
  CHECK(seen.method == "PUT");
  CHECK(seen.target == "/v1/tasks/a%2Fb%20c?wait=30s&x=1+2%263&flag&=e");
  CHECK(seen.path == std::vector<std::string>{"v1", "tasks", "a/b c"});
  CHECK(seen.param("wait") == "30s");
  CHECK(seen.param("x") == "1 2&3");
  CHECK(seen.param("flag") == "");
  CHECK(seen.param("") == "e");
  CHECK_FALSE(seen.param("absent"));
  CHECK(seen.header("x-some-thing") == "padded");
  CHECK(seen.header("empty") == "");
  CHECK(seen.header("host") == "localhost");
  CHECK(seen.body == "hello");
  CHECK_FALSE(seen.local);
  CHECK_FALSE(seen.peer_uid);
}

TEST_CASE("over the Unix socket the peer is known, and no Host is needed") {
  ServerRequest seen;
  RunningServer server([&seen](ServerRequest request, const ResponderPtr& to) {
    seen = std::move(request);
    to->reply(text("fine"));
  });
  RawClient client(server, Over::unix_socket);
  client.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(client.read().status == 200);
  CHECK(seen.local);
  CHECK(seen.path.empty());
  CHECK(seen.peer_uid == ::getuid());
  CHECK(seen.peer_pid == static_cast<std::uint32_t>(::getpid()));
}

TEST_CASE("targets are taken apart as they are written") {
  RunningServer server(tell_path);
  RawClient client(server);
  const std::pair<const char*, const char*> cases[] = {
      {"/", ""},
      {"/a", "[a]"},
      {"/a/", "[a][]"},
      {"//a", "[][a]"},
      {"/a?", "[a]"},
      {"/%41%7e", "[A~]"},
      {"/a/../b", "[a][..][b]"},
      {"/a+b", "[a+b]"},
      {"http://example.com/x/y?z", "[x][y]"},
      {"http://example.com", ""},
  };
  for (const auto& [target, path] : cases) {
    CAPTURE(target);
    client.send(get(target));
    CHECK(client.read().body == path);
  }
}

TEST_CASE("ten thousand requests go over one connection") {
  int count = 0;
  RunningServer server(
      [&count](const ServerRequest&, const ResponderPtr& to) { to->reply(text(std::to_string(++count))); });
  for (const auto over : {Over::tcp, Over::unix_socket}) {
    RawClient client(server, over);
    for (int i = 0; i < 5000; ++i) {
      client.send(get("/n"));
      if (client.read().status != 200) FAIL("no answer");
    }
  }
  CHECK(count == 10000);
}

TEST_CASE("two hundred connections are served at the same time") {
  RunningServer server(tell);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<RawClient>(server, i % 2 == 0 ? Over::tcp : Over::unix_socket));
  }
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i) clients[i]->send(get("/" + std::to_string(i)));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      CHECK(clients[i]->read().body == "GET [" + std::to_string(i) + "]");
    }
  }
  CHECK(server.connections() == 200);
  clients.clear();
  CHECK(server.settles_at(0));
}

TEST_CASE("pipelined requests are answered one at a time and in order") {
  std::vector<ResponderPtr> waiting;
  std::size_t most = 0;
  RunningServer server([&](const ServerRequest& request, const ResponderPtr& to) {
    if (request.path == std::vector<std::string>{"now"}) return tell(request, to);
    waiting.push_back(to);
    most = std::max(most, waiting.size());
  });
  RawClient client(server);
  client.send(get("/later") + post("/now", "x") + get("/later") + get("/now"));
  for (int i = 0; i < 2; ++i) {
    while (server.on_loop([&] { return waiting.empty(); })) continue;
    server.on_loop([&] { std::exchange(waiting, {})[0]->reply(text("later")); });
    CHECK(client.read().body == "later");
    CHECK(client.read().body == (i == 0 ? "POST [now] body x" : "GET [now]"));
  }
  CHECK(most == 1);
}

TEST_CASE("thousands of pipelined requests are answered without recursion") {
  RunningServer server(tell);
  RawClient client(server);
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  std::thread sender([&] { client.send(many); });
  int good = 0;
  for (int i = 0; i < 20000; ++i) good += client.read().status == 200 ? 1 : 0;
  sender.join();
  CHECK(good == 20000);
}

TEST_CASE("requests may come in any pieces") {
  RunningServer server(tell);
  RawClient client(server);
  const auto all =
      get("/a?b=c") + post("/d", "body") +
      "POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: r\r\n\r\n";
  for (const char c : all) client.send({&c, 1});
  CHECK(client.read().body == "GET [a] b=c");
  CHECK(client.read().body == "POST [d] body body");
  CHECK(client.read().body == "POST [e] body abcde");
}

TEST_CASE("empty lines before a request are forgiven") {
  RunningServer server(tell);
  RawClient client(server);
  client.send("\r\n\r\n" + get("/a") + "\r\n" + get("/b"));
  CHECK(client.read().body == "GET [a]");
  CHECK(client.read().body == "GET [b]");
}

TEST_CASE("HEAD gets the head that GET would get") {
  RunningServer server(tell);
  RawClient client(server);
  client.send("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" + get("/next"));
  const auto head = client.read(true);
  CHECK(head.status == 200);
  CHECK(head.headers.at("content-length") == "10");
  CHECK(client.read().body == "GET [next]");
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection after the answer") {
  RunningServer server(tell);
  const auto old = talk(server, "GET /a HTTP/1.0\r\n\r\n");
  CHECK(old.find("connection: close\r\n") != std::string::npos);
  CHECK(old.ends_with("GET [a]"));
  RawClient client(server);
  client.send("GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get("/never"));
  const auto all = client.read_to_end();
  CHECK(all.find("connection: close\r\n") != std::string::npos);
  CHECK(all.ends_with("GET [b]"));
}

TEST_CASE("HTTP/1.0 keeps the connection when it asks to") {
  RunningServer server(tell);
  RawClient client(server);
  for (int i = 0; i < 2; ++i) {
    client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto reply = client.read();
    CHECK(reply.body == "GET [a]");
    CHECK(reply.headers.at("connection") == "keep-alive");
  }
}

TEST_CASE("an upgrade is not taken up: the request is answered as it is") {
  RunningServer server(tell);
  RawClient client(server);
  client.send(
      "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
      "AA\r\n\r\n");
  CHECK(client.read().body == "GET [a]");
  client.send(get("/b"));
  CHECK(client.read().body == "GET [b]");
}

TEST_CASE("a client that has finished sending still gets its answers") {
  std::vector<ResponderPtr> waiting;
  RunningServer server([&](const ServerRequest& request, const ResponderPtr& to) {
    if (request.path == std::vector<std::string>{"now"}) return tell(request, to);
    waiting.push_back(to);
  });
  for (const auto over : {Over::tcp, Over::unix_socket}) {
    CAPTURE(static_cast<int>(over));
    CHECK(talk(server, get("/now"), over).ends_with("GET [now]"));
    RawClient client(server, over);
    client.send(get("/later") + get("/now"));
    client.end_sending();
    while (server.on_loop([&] { return waiting.empty(); })) continue;
    CHECK_FALSE(server.on_loop([&] { return waiting[0]->gone(); }));
    server.on_loop([&] { std::exchange(waiting, {})[0]->reply(text("late")); });
    CHECK(client.read().body == "late");
    CHECK(client.read().body == "GET [now]");
    CHECK(client.read_to_end().empty());
  }
  CHECK(server.settles_at(0));
}

TEST_CASE("100 Continue is sent when the body is waited for, and only then") {
  RunningServer server(tell);
  RawClient client(server);
  const std::string head = "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
  client.send(head);
  CHECK(client.read().status == 100);
  client.send("ok");
  CHECK(client.read().body == "POST [a] body ok");
  client.send(head + "ok");
  CHECK(client.read().status == 200);
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.read().status == 200);
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\nContent-Length: 2\r\n\r\n");
  CHECK(client.read().status == 417);
}

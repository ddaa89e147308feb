// Streams of pieces: to readers that keep up, fall behind, or go away.
#include <doctest/doctest.h>

#include <atomic>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;
using Over = RawClient::Over;

namespace {

/// Streams to everybody who asks; loop thread only.
struct Streams {
  std::vector<std::shared_ptr<Stream>> list;
  std::atomic<int> count = 0, gone = 0;

  void open(const ResponderPtr& to) {
    ServerResponse head;
    head.headers.emplace_back("content-type", "text/event-stream");
    list.push_back(to->stream(std::move(head)));
    list.back()->on_close([this] { ++gone; });
    ++count;
  }
  void wait_for(int number) const {
    while (count < number) std::this_thread::yield();
  }
  [[nodiscard]] bool wait_gone(int number) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (gone < number && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return gone == number;
  }
};

auto into(Streams& streams) {
  return [&streams](const ServerRequest&, const ResponderPtr& to) { streams.open(to); };
}

}  // namespace

TEST_CASE("a stream's pieces come as they are written, and then the connection goes on") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient client(server);
  client.send(get("/") + get("/"));
  CHECK(client.read_until("\r\n\r\n").find("transfer-encoding: chunked") != std::string::npos);
  server.on_loop([&] { CHECK(streams.list[0]->write("data: one\n\n")); });
  CHECK(client.read_until("\n\n\r\n") == "b\r\ndata: one\n\n\r\n");
  server.on_loop([&] {
    CHECK(streams.list[0]->write("two"));
    CHECK(streams.list[0]->write(""));  // ends nothing
    CHECK(streams.list[0]->write("three"));
    CHECK(streams.list[0]->open());
    CHECK(streams.list.size() == 1);  // the second request waits for the end of the first
    streams.list[0]->close();
    CHECK_FALSE(streams.list[0]->open());
    CHECK_FALSE(streams.list[0]->write("four"));
    streams.list[0]->close();
  });
  CHECK(client.read_until("0\r\n\r\n") == "3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n");
  streams.wait_for(2);
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
  server.on_loop([&] {
    CHECK_FALSE(streams.list[0]->write("into the next answer"));
    CHECK(streams.list[1]->write("x"));
    streams.list[1].reset();  // dropped is closed
  });
  CHECK(client.read_until("0\r\n\r\n") == "1\r\nx\r\n0\r\n\r\n");
  CHECK(streams.gone == 0);
}

TEST_CASE("HTTP/1.0 gets a stream as it is, ended by the connection") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient client(server);
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  streams.wait_for(1);
  server.on_loop([&] {
    streams.list[0]->write("all ");
    streams.list[0]->write("of it");
    streams.list[0]->close();
  });
  const auto all = client.read_to_end();
  CHECK(all.find("chunked") == std::string::npos);
  CHECK(all.find("connection: close\r\n") != std::string::npos);
  CHECK(all.ends_with("\r\n\r\nall of it"));
}

TEST_CASE("HEAD of a stream is its head") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient client(server);
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.read(true).headers.at("content-type") == "text/event-stream");
  CHECK(server.on_loop([&] { return !streams.list[0]->open() && !streams.list[0]->write("x"); }));
}

TEST_CASE("a stream whose client has gone says so") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient local(server, Over::unix_socket), remote(server), polite(server);
  for (auto* client : {&local, &remote, &polite}) {
    client->send(get("/"));
    client->read_until("\r\n\r\n");
  }
  local.close();
  CHECK(streams.wait_gone(1));
  remote.reset();
  CHECK(streams.wait_gone(2));
  // Over TCP an orderly end looks like one that has only finished sending; writing tells.
  polite.close();
  for (int i = 0; i < 1000 && streams.gone < 3; ++i) {
    server.on_loop([&] { streams.list[2]->write(": still there?\n\n"); });
  }
  CHECK(streams.wait_gone(3));
  CHECK(server.settles_at(0));
  server.on_loop([&] {
    for (const auto& stream : streams.list) {
      CHECK_FALSE(stream->open());
      CHECK_FALSE(stream->write("x"));
      bool at_once = false;
      stream->on_close([&at_once] { at_once = true; });
      CHECK(at_once);
    }
  });
}

TEST_CASE("a reader that falls a mebibyte behind is dropped, the others are not") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient slow(server, Over::unix_socket), fast(server, Over::unix_socket);
  for (auto* client : {&slow, &fast}) {
    client->send(get("/"));
    client->read_until("\r\n\r\n");
  }
  const std::string piece(10000, 'x');
  std::size_t sent = 0;
  bool open = true;
  while (open && sent < (64U << 20)) {
    server.on_loop([&] {
      open = streams.list[0]->write(piece);
      CHECK(streams.list[1]->write(piece));
    });
    sent += piece.size();
    fast.read_until("x\r\n");
  }
  CHECK_FALSE(open);
  CHECK(sent > (1U << 20));
  CHECK(sent < (3U << 20));  // a mebibyte and what the socket holds
  CHECK(streams.wait_gone(1));
  CHECK(server.settles_at(1));
  CHECK(server.on_loop([&] { return streams.list[1]->open(); }));
}

TEST_CASE("a reader that takes nothing for too long is dropped") {
  Streams streams;
  ServerLimits limits;
  limits.body_timeout = milliseconds(100);
  RunningServer server(into(streams), limits);
  RawClient client(server, Over::unix_socket), idle(server, Over::unix_socket);
  for (auto* reader : {&client, &idle}) {
    reader->send(get("/"));
    reader->read_until("\r\n\r\n");
  }
  server.on_loop([&] {
    for (int i = 0; i < 90; ++i) CHECK(streams.list[0]->write(std::string(10000, 'x')));
  });
  CHECK(streams.wait_gone(1));
  CHECK(server.settles_at(1));  // a stream with nothing to say has no time limit
}

TEST_CASE("a mebibyte is written to a reader that comes late") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient client(server);
  client.send(get("/"));
  client.read_until("\r\n\r\n");
  server.on_loop([&] {
    for (int i = 0; i < 100; ++i) CHECK(streams.list[0]->write(std::string(10000, 'x')));
    streams.list[0]->close();
  });
  CHECK(client.read_until("0\r\n\r\n").size() == 100 * (10000 + 6 + 2) + 5 - 0);
}

TEST_CASE("stopping ends streams") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient client(server);
  client.send(get("/"));
  client.read_until("\r\n\r\n");
  server.on_loop([&] { streams.list[0]->write("last"); });
  server.stop(milliseconds(60000));
  CHECK(client.read_to_end() == "4\r\nlast\r\n0\r\n\r\n");
  CHECK(streams.wait_gone(1));
  CHECK_FALSE(server.on_loop([&] { return streams.list[0]->open(); }));
}

TEST_CASE("streams may outlive the server") {
  Streams streams;
  RunningServer server(into(streams));
  RawClient client(server);
  client.send(get("/"));
  streams.wait_for(1);
  server.destroy();
  server.on_loop([&] {
    CHECK_FALSE(streams.list[0]->open());
    CHECK_FALSE(streams.list[0]->write("x"));
    streams.list.clear();
  });
  CHECK(streams.gone == 0);
}

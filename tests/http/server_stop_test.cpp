// The end of a server.
#include <doctest/doctest.h>

#include <atomic>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;
using Over = RawClient::Over;

namespace {

struct Waiting {
  std::vector<ResponderPtr> list;
  std::atomic<int> count = 0;
  void wait_for(int number) const {
    while (count < number) std::this_thread::yield();
  }
};

auto into(Waiting& waiting) {
  return [&waiting](const ServerRequest&, const ResponderPtr& to) {
    waiting.list.push_back(to);
    ++waiting.count;
  };
}

constexpr milliseconds kLong{3600000};

}  // namespace

TEST_CASE("stopping closes idle connections, answers what was asked, and takes nobody new") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient idle(server), busy(server), begun(server);
  busy.send(get("/") + get("/never"));
  begun.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  waiting.wait_for(1);
  CHECK(server.settles_at(3));
  server.stop(kLong);
  CHECK(idle.read_to_end().empty());
  CHECK(server.settles_at(2));
  CHECK_THROWS_AS(RawClient{server}, std::system_error);
  CHECK_THROWS_AS(RawClient(server, Over::unix_socket), std::system_error);
  server.on_loop([&] { waiting.list[0]->reply(text("done")); });
  const auto reply = busy.read();
  CHECK(reply.body == "done");
  CHECK(reply.headers.at("connection") == "close");
  CHECK(busy.read_to_end().empty());
  begun.send("dy");
  waiting.wait_for(2);
  server.on_loop([&] { waiting.list[1]->reply(text("also done")); });
  CHECK(begun.read().body == "also done");
  busy.close();
  begun.close();
  CHECK(server.settles_at(0));
}

TEST_CASE("after the grace the rest is cut") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient busy(server), half(server);
  busy.send(get("/"));
  half.send("GET / HT");
  waiting.wait_for(1);
  CHECK(server.settles_at(2));
  std::promise<void> told;
  server.on_loop([&] { waiting.list[0]->on_gone([&told] { told.set_value(); }); });
  server.stop(milliseconds(100));
  CHECK(busy.read_to_end().empty());
  CHECK(half.read_to_end().empty());
  CHECK(told.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  CHECK(server.settles_at(0));
}

TEST_CASE("a loop with nothing but a stopped server ends") {
  asio::io_context io;
  ServerHandler handler;
  Server* stopping = nullptr;
  handler.handle = [&stopping](const ServerRequest&, const ResponderPtr& to) {
    to->reply(text("bye"));
    stopping->stop(kLong);
  };
  Server server(io, std::move(handler));
  stopping = &server;
  const auto port = server.listen_tcp("127.0.0.1", 0);
  std::thread client([port] {
    RawClient asking(port);
    asking.send(get("/"));
    CHECK(asking.read().body == "bye");
    CHECK(asking.read_to_end().empty());
  });
  io.run();
  client.join();
  CHECK(server.connections() == 0);
}

TEST_CASE("stopping twice is stopping once, and stopping shortens the grace") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient busy(server);
  busy.send(get("/"));
  waiting.wait_for(1);
  server.stop(kLong);
  server.stop(milliseconds(0));
  CHECK(busy.read_to_end().empty());
}

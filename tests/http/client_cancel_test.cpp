// Ends that come from outside: cancel(), and the client's own.
#include <algorithm>
#include <memory>
#include <vector>

#include "tests/http/client_fixture.hpp"

namespace mjwatchd::http::test {
namespace {

RawServer::Script stalled(std::string bytes = "") {
  return [bytes = std::move(bytes)](Peer& peer) {
    peer.read_request();
    peer.send(bytes);
    peer.stall();
  };
}

const std::string kHalf = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";

}  // namespace

TEST_CASE("callbacks never run from inside start() or cancel(), whatever happens") {
  Loop loop;
  int done = 0;
  const auto id = loop.client.start(request_of("not a url"), [&](Response) { ++done; });
  CHECK(done == 0);
  loop.client.cancel(id);
  loop.client.cancel(id);
  CHECK(done == 0);
  CHECK(loop.client.in_flight() == 1);
  run_until(loop.io, [&] { return done > 0; });
  loop.io.restart();
  loop.io.poll();
  CHECK(done == 1);
  CHECK(loop.client.in_flight() == 0);
}

TEST_CASE("cancelled before it began") {
  RawServer server(always(reply(200, "x")));
  Loop loop;
  std::optional<Response> got;
  const auto id = loop.client.start(request_of(server.url()), [&](Response response) { got = std::move(response); });
  loop.client.cancel(id);
  run_until(loop.io, [&] { return got.has_value(); });
  CHECK(got->fault == Fault::cancelled);
  CHECK(server.connections() == 0);
}

TEST_CASE("cancelled in flight") {
  RawServer server(stalled(kHalf));
  Loop loop;
  std::optional<Response> got;
  bool headed = false;
  Request request = request_of(server.url());
  request.on_head = [&](const Response&) { return headed = true; };
  const auto id = loop.client.start(std::move(request), [&](Response response) { got = std::move(response); });
  run_until(loop.io, [&] { return headed; });
  loop.client.cancel(id);
  CHECK_FALSE(got);
  run_until(loop.io, [&] { return got.has_value(); });
  CHECK(got->fault == Fault::cancelled);
  CHECK(got->status == 200);
  loop.client.cancel(id);
  loop.client.cancel(12345);
}

TEST_CASE("cancelled from inside each callback") {
  RawServer server(always(reply(200, std::string(100'000, 'x'))));
  for (const int where : {0, 1, 2}) {
    CAPTURE(where);
    Loop loop;
    std::optional<Response> got;
    int after = 0;
    Client::CallId id = 0;
    const auto cancel_at = [&](int place) {
      if (id == 0) ++after;  // called once more
      if (place == where) loop.client.cancel(std::exchange(id, 0));
      return true;
    };
    Request request = request_of(server.url());
    request.guard = [&](const sockaddr&) {
      cancel_at(0);
      return std::optional<std::string>();
    };
    request.on_head = [&](const Response&) { return cancel_at(1); };
    request.on_body = [&](std::string_view) { return cancel_at(2); };
    id = loop.client.start(std::move(request), [&](Response response) { got = std::move(response); });
    run_until(loop.io, [&] { return got.has_value(); });
    CHECK(got->fault == Fault::cancelled);
    CHECK(after == 0);
  }
}

TEST_CASE("another exchange is started and cancelled from inside callbacks") {
  RawServer server(always(reply(200, "x")));
  RawServer slow(stalled());
  Loop loop;
  std::vector<Fault> faults;
  const auto note = [&](const Response& response) { faults.push_back(response.fault); };
  const auto waiting = loop.client.start(request_of(slow.url()), note);
  Request request = request_of(server.url());
  request.on_body = [&](std::string_view) {
    loop.client.start(request_of(server.url()), [&](const Response& response) {
      note(response);
      loop.client.start(request_of(server.url()), note);
    });
    loop.client.cancel(waiting);
    return true;
  };
  loop.client.start(std::move(request), note);
  run_until(loop.io, [&] { return faults.size() == 4; });
  CHECK(std::count(faults.begin(), faults.end(), Fault::none) == 3);
  CHECK(std::count(faults.begin(), faults.end(), Fault::cancelled) == 1);
}

TEST_CASE("a storm of starts and cancels: each is told its end once") {
  RawServer server([](Peer& peer) {
    for (std::size_t i = peer.number(); !peer.read_request().empty(); ++i) {
      if (i % 5 == 4) return;  // cut
      peer.send(i % 3 == 0 ? reply(200, std::string(40'000, 'x')) : reply(503, ""));
    }
  });
  Loop loop;
  constexpr std::size_t many = 400;
  std::vector<int> told(many, 0);
  std::vector<Client::CallId> ids;
  std::size_t ended = 0, cancelled = 0;
  for (std::size_t i = 0; i < many; ++i) {
    Request request = request_of(server.url());
    request.stall_timeout = milliseconds(20000);
    ids.push_back(loop.client.start(std::move(request), [&, i](const Response& response) {
      ++told[i];
      ++ended;
      if (response.fault == Fault::cancelled) ++cancelled;
      loop.client.cancel(ids[(i * 7 + 3) % ids.size()]);
    }));
    if (i % 4 == 3) loop.io.poll_one();
    if (i % 9 == 8) loop.client.cancel(ids[i - 5]);
  }
  run_until(loop.io, [&] { return ended >= many; });
  loop.io.restart();
  loop.io.poll();
  CHECK(told == std::vector<int>(many, 1));
  CHECK(cancelled > 0);
  CHECK(loop.client.in_flight() == 0);
}

TEST_CASE("no callback after the client's end, and every connection closed") {
  RawServer server([&](Peer& peer) {
    peer.read_request();
    peer.send(kHalf);
    peer.stall();
  });
  asio::io_context io;
  auto client = std::make_unique<Client>(io);
  int heads = 0, done = 0;
  for (int i = 0; i < 5; ++i) {
    Request request = request_of(server.url());
    request.on_head = [&](const Response&) { return ++heads > 0; };
    client->start(std::move(request), [&](Response) { ++done; });
  }
  run_until(io, [&] { return heads == 5; });
  client->start(request_of(server.url()), [&](Response) { ++done; });
  client->start(request_of("http://no-such-host.invalid/"), [&](Response) { ++done; });
  client.reset();
  io.restart();
  io.run_for(std::chrono::seconds(20));
  CHECK(io.stopped());
  CHECK(done == 0);
}

TEST_CASE("the client is destroyed while a name is looked up") {
  asio::io_context io;
  auto client = std::make_unique<Client>(io);
  int done = 0;
  client->start(request_of("http://no-such-host.invalid/"), [&](Response) { ++done; });
  while (io.poll_one() > 0 && done == 0) {
  }
  const int before = done;  // 1 when the lookup was quicker than that
  client.reset();
  io.restart();
  io.run_for(std::chrono::seconds(20));
  CHECK(done == before);
}

TEST_CASE("the client is destroyed by a callback") {
  RawServer server(always(reply(200, std::string(100'000, 'x'))));
  for (const int where : {0, 1, 2, 3}) {
    CAPTURE(where);
    asio::io_context io;
    auto client = std::make_unique<Client>(io);
    auto alive = std::make_shared<int>(0);
    int done = 0, calls = 0;
    const auto end_at = [&, alive](int place) {
      calls += client ? 0 : 1;  // after the end
      if (place == where) client.reset();
      return *alive == 0;
    };
    Request request = request_of(server.url());
    request.guard = [end_at](const sockaddr&) {
      end_at(0);
      return std::optional<std::string>();
    };
    request.on_head = [end_at](const Response&) { return end_at(1); };
    request.on_body = [end_at](std::string_view) { return end_at(2); };
    for (int i = 0; i < 3; ++i) {
      client->start(request, [&done, end_at](Response) {
        ++done;
        end_at(3);
      });
    }
    request = Request();
    run_until(io, [&] { return !client; });
    io.restart();
    io.run_for(std::chrono::seconds(20));
    CHECK(calls == 0);
    CHECK(done == (where == 3 ? 1 : 0));
    CHECK(alive.use_count() == 2);  // here and in end_at: the client let go of everything
  }
}

TEST_CASE("what a request holds may use the client when it goes") {
  RawServer server(stalled());
  asio::io_context io;
  auto client = std::make_unique<Client>(io);
  int gone = 0;
  struct Canceller {
    Client* client;
    Client::CallId other;
    int& gone;
    Canceller(Client* its, Client::CallId id, int& count) : client(its), other(id), gone(count) {}
    Canceller(const Canceller&) = delete;
    ~Canceller() {
      client->cancel(other);
      CHECK(client->in_flight() == 0);
      ++gone;
    }
  };
  const auto first = client->start(request_of(server.url()), [](Response) {});
  auto canceller = std::make_shared<Canceller>(client.get(), first, gone);
  client->start(request_of(server.url()), [canceller = std::move(canceller)](Response) {});
  io.run_for(milliseconds(50));
  CHECK(gone == 0);
  client.reset();
  CHECK(gone == 1);
}

TEST_CASE("a client that goes with an exchange in flight and nothing more to run") {
  RawServer server(stalled(kHalf));
  asio::io_context io;
  Client client(io);
  client.start(request_of(server.url()), [](Response) {});
  io.run_for(milliseconds(50));
}

}  // namespace mjwatchd::http::test

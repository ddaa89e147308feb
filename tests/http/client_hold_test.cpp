// A body that comes faster than it can be put away.
#include "tests/http/client_fixture.hpp"

namespace mjwatchd::http::test {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSize = 8U << 20;  // more than sockets hold

std::string numbered() {
  std::string body(kSize, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>((i * 2654435761U) >> 13U);
  return body;
}

/// An exchange that takes `body` in, and is held at its first piece.
struct Held : Loop {
  explicit Held(const std::string& url, milliseconds stall = milliseconds(0)) {
    Request request = request_of(url);
    request.max_body = kSize;
    request.read_at_once = 64U << 10;
    request.stall_timeout = stall;
    request.on_body = [this](std::string_view piece) {
      taken += piece;
      ++pieces;
      if (hold_each || pieces == 1) client.hold(call);
      return true;
    };
    call = client.start(std::move(request), [this](Response response) { got = std::move(response); });
    run_until(io, [this] { return pieces == 1; });
  }
  Client::CallId call = 0;
  std::string taken;
  int pieces = 0;
  bool hold_each = false;
  std::optional<Response> got;
};

}  // namespace

TEST_CASE("what is held gets nothing more until it is resumed, and then every byte, once") {
  const std::string body = numbered();
  RawServer server(once(reply(200, body)));
  Held w(server.url());
  const std::size_t before = w.taken.size();
  w.io.run_for(milliseconds(200));
  CHECK(w.taken.size() == before);
  CHECK_FALSE(w.got);
  SUBCASE("at once") {
    w.client.resume(w.call);
    run_until(w.io, [&] { return w.got.has_value(); });
  }
  SUBCASE("and is held again at each piece") {
    w.hold_each = true;
    while (!w.got) {
      const int pieces = w.pieces;
      w.client.resume(w.call);
      run_until(w.io, [&] { return w.got || w.pieces > pieces; });
    }
    CHECK(w.pieces > 100);
  }
  CHECK(w.got->fault == Fault::none);
  CHECK(w.taken == body);
}

TEST_CASE("to be held is no stall, but to get nothing afterwards is") {
  const std::string body = numbered();
  RawServer server([&](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n" + body.substr(0, 1000));
    peer.stall();
  });
  Held w(server.url(), milliseconds(100));
  w.io.run_for(milliseconds(400));
  CHECK_FALSE(w.got);
  w.client.resume(w.call);
  run_until(w.io, [&] { return w.got.has_value(); });
  CHECK(w.got->fault == Fault::timeout);
}

TEST_CASE("what is held can be cancelled, and goes with its client") {
  RawServer server(once(reply(200, numbered())));
  Held w(server.url());
  w.client.cancel(w.call);
  w.client.resume(w.call);
  run_until(w.io, [&] { return w.got.has_value(); });
  CHECK(w.got->fault == Fault::cancelled);
  w.client.hold(w.call);  // nobody any more
  w.client.resume(w.call);
  const Held gone(server.url());
  CHECK_FALSE(gone.got);
}

TEST_CASE("a body that had come by the time it was held still ends") {
  RawServer server(once(reply(200, "all of it")));
  Held w(server.url());
  run_until(w.io, [&] { return w.got.has_value(); });
  CHECK(w.got->fault == Fault::none);
  CHECK(w.taken == "all of it");
}

}  // namespace mjwatchd::http::test

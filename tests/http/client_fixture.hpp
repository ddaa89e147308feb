// A client on a loop of its own, and what tests do with it.
#pragma once

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "daemon/http/client.hpp"
#include "tests/support/raw_server.hpp"

namespace mjwatchd::http::test {

using mjwatchd::test::close_reply;
using mjwatchd::test::Peer;
using mjwatchd::test::RawServer;
using mjwatchd::test::reply;

/// Runs the loop until `ready`; fails the test when that takes absurdly long.
inline void run_until(asio::io_context& io, const std::function<bool()>& ready) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!ready()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    if (io.stopped()) io.restart();
    io.run_one_for(std::chrono::milliseconds(50));
  }
}

inline Response exchange(asio::io_context& io, Client& client, Request request) {
  std::optional<Response> got;
  client.start(std::move(request), [&](Response response) { got = std::move(response); });
  run_until(io, [&] { return got.has_value(); });
  return std::move(*got);
}

inline Request request_of(std::string url) {
  Request request;
  request.url = std::move(url);
  return request;
}

struct Loop {
  asio::io_context io;
  Client client{io};

  Response run(Request request) { return exchange(io, client, std::move(request)); }
  Response get(std::string url) { return run(request_of(std::move(url))); }
};

/// Answers every request of a connection with the same bytes.
inline RawServer::Script always(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    while (!peer.read_request().empty() && peer.send(answer)) {
    }
  };
}

/// Reads one request, sends these bytes and closes.
inline RawServer::Script once(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    peer.read_request();
    peer.send(answer);
  };
}

}  // namespace mjwatchd::http::test

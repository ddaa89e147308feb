#include <arpa/inet.h>
#include <netinet/in.h>

#include <vector>

#include "tests/http/client_fixture.hpp"

namespace mjwatchd::http::test {
namespace {

std::string text_of(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(four.sin_port));
  }
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(six.sin6_port));
}

}  // namespace

TEST_CASE("a refused address is not connected to") {
  RawServer server(always(reply(200, "secret")));
  Loop loop;
  std::vector<std::string> seen;
  Request request = request_of(server.url());
  request.guard = [&](const sockaddr& address) {
    seen.push_back(text_of(address));
    return std::optional<std::string>("loopback is not allowed; see webhooks.allow");
  };
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::refused_address);
  CHECK(got.detail == "loopback is not allowed; see webhooks.allow");
  CHECK(got.status == 0);
  CHECK(seen == std::vector<std::string>{"127.0.0.1:" + std::to_string(server.port())});
  CHECK(server.connections() == 0);
}

TEST_CASE("an allowed address is judged before each request") {
  RawServer server(always(reply(200, "x")));
  Loop loop;
  std::vector<std::string> seen;
  Request request = request_of(server.url());
  request.guard = [&](const sockaddr& address) {
    seen.push_back(text_of(address));
    return std::optional<std::string>();
  };
  CHECK(loop.run(request).body == "x");
  const std::size_t first = seen.size();
  CHECK(loop.run(request).body == "x");
  CHECK(first >= 1);
  CHECK(seen.size() > first);
  for (const std::string& address : seen) CHECK(address == "127.0.0.1:" + std::to_string(server.port()));
  CHECK(server.connections() == 1);
}

TEST_CASE("a connection of another exchange is judged before it is used again") {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.send(reply(200, "x"));
    CHECK(peer.read_request() == "");
  });
  Loop loop;
  CHECK(loop.get(server.url()).body == "x");
  Request request = request_of(server.url());
  request.guard = [](const sockaddr&) { return std::optional<std::string>("no"); };
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::refused_address);
  CHECK(got.detail == "no");
  CHECK(server.connections() == 1);
}

TEST_CASE("after one refused address a host's others are not tried") {
  RawServer server(always(reply(200, "x")));
  Loop loop;
  int asked = 0;
  Request request = request_of("http://localhost:" + std::to_string(server.port()) + "/");
  request.guard = [&](const sockaddr&) {
    return ++asked == 1 ? std::optional<std::string>("the first is refused") : std::nullopt;
  };
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::refused_address);
  CHECK(got.detail == "the first is refused");
  CHECK(asked == 1);
  CHECK(server.connections() == 0);
}

TEST_CASE("a guard that throws refuses") {
  RawServer server(always(reply(200, "x")));
  Loop loop;
  Request request = request_of(server.url());
  request.guard = [](const sockaddr&) -> std::optional<std::string> { throw std::runtime_error("x"); };
  CHECK(loop.run(std::move(request)).fault == Fault::refused_address);
  CHECK(server.connections() == 0);
}

TEST_CASE("the guard is not asked about a proxy's address") {
  RawServer proxy(always(reply(200, "through")));
  Loop loop;
  Request request = request_of("http://receiver.invalid/path");
  request.proxy = proxy.url();
  request.guard = [](const sockaddr&) { return std::optional<std::string>("no"); };
  const Response got = loop.run(std::move(request));
  CHECK(got.fault == Fault::none);
  CHECK(got.body == "through");
}

}  // namespace mjwatchd::http::test

// The control API over TCP.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

Reply ask(RunningControl& control, const std::string& request) {
  RawClient client(control.server().port());
  client.send(request);
  return client.read();
}

std::string get(const std::string& target, const std::string& host, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n";
}

}  // namespace

TEST_CASE("TCP asks for the token, the Unix socket does not") {
  RunningControl control(tcp_options());
  CHECK(control.get("/v1/status").status == 200);
  CHECK(ask(control, get("/v1/status", "localhost", "Authorization: Bearer s3cret-token\r\n")).status == 200);
  const auto without = ask(control, get("/v1/status", "localhost"));
  CHECK(is_problem(without, 401, "control.token_file"));
  CHECK(without.headers.at("www-authenticate") == "Bearer realm=\"mjwatchd\"");
  const auto wrong = ask(control, get("/v1/status", "localhost", "Authorization: Bearer wrong\r\n"));
  CHECK(is_problem(wrong, 401, "is not that of"));
  CHECK(wrong.headers.at("www-authenticate").find("invalid_token") != std::string::npos);
  CHECK(is_problem(ask(control, get("/nowhere", "localhost")), 401));
  CHECK(is_problem(ask(control, get("/healthz", "localhost")), 401));
}

TEST_CASE("a refused client's body is not even read") {
  RunningControl control(tcp_options());
  const auto reply = ask(control, "PUT /v1/tasks/t1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
  CHECK(is_problem(reply, 401));
  CHECK(is_problem(ask(control,
                       "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                       "Content-Length: 60000000\r\n\r\n"),
                   401));
}

TEST_CASE("a foreign Host is turned away even with the token") {
  RunningControl control(tcp_options());
  const std::string token = "Authorization: Bearer s3cret-token\r\n";
  CHECK(is_problem(ask(control, get("/v1/status", "evil.example:80", token)), 421, "evil.example"));
  CHECK(ask(control, get("/v1/status", "127.0.0.1:" + std::to_string(control.server().port()), token)).status == 200);
}

TEST_CASE("only the names of the configuration are this daemon, wherever it listens") {
  auto options = tcp_options();
  options.hosts = {"mjwatchd.example.com"};
  const std::string token = "Authorization: Bearer s3cret-token\r\n";
  for (const char* listen : {"127.0.0.1:0", "0.0.0.0:0"}) {
    options.listen = listen;
    RunningControl control(options);
    CHECK(is_problem(ask(control, get("/v1/status", "evil.example", token)), 421, "control.hosts"));
    CHECK(is_problem(ask(control, get("/v1/status", "sub.mjwatchd.example.com", token)), 421));
    for (const char* good :
         {"MJwatchd.example.com", "mjwatchd.example.com:443", "192.0.2.7:7780", "[2001:db8::1]:80"}) {
      CAPTURE(good);
      CHECK(ask(control, get("/v1/status", good, token)).status == 200);
      CHECK(is_problem(ask(control, get("/v1/status", good)), 401));
    }
  }
}

TEST_CASE("a TCP socket that was passed without a token serves nobody") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(fd, 8) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ControlOptions options;
  options.passed_fd = fd;
  const RunningControl control(options);
  RawClient client(ntohs(address.sin_port));
  client.send(get("/v1/status", "localhost"));
  CHECK(is_problem(client.read(), 403, "control.token_file"));
}

TEST_CASE("listening is refused with the cure") {
  asio::io_context io;
  EventHub hub;
  FakeDesk desk(io, hub);
  ControlOptions options;
  options.listen = "127.0.0.1:0";
  CHECK_THROWS_WITH(ControlServer(io, desk, hub, options),
                    "control.listen needs control.token_file: over TCP anybody could ask");
  options.token = "t";
  options.listen = "nonsense";
  CHECK_THROWS_WITH_AS(ControlServer(io, desk, hub, options),
                       "control.listen: \"nonsense\" is not HOST:PORT; write it like 127.0.0.1:7780 or [::1]:7780",
                       std::runtime_error);
}

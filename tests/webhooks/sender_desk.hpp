// A sender on a loop of its own, and what tests send with it.
#pragma once

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/webhooks/http_sender.hpp"

namespace mjwatchd::webhooks::test {

using namespace std::chrono_literals;

inline const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
inline const std::string kOlderSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
inline constexpr std::int64_t kNowSeconds = 1614265330;

inline WallTime fixed_now() { return WallTime(milliseconds(kNowSeconds * 1000 + 999)); }

/// A loop with a sender on it.
struct Desk {
  explicit Desk(SenderOptions options = {})
      : sender(
            client, std::move(options), [this](std::function<void()> later) { asio::post(io, std::move(later)); },
            fixed_now) {}

  /// One attempt, to its end.
  SendResult attempt(Outgoing outgoing) {
    std::optional<SendResult> result;
    bool inside = true;
    sender.send(std::move(outgoing), [&](SendResult came) {
      CHECK_FALSE(inside);
      result = std::move(came);
    });
    inside = false;
    io.restart();  // it ran out of work after the attempt before
    while (!result && io.run_one_for(20s) > 0) {
    }
    REQUIRE(result);
    return std::move(*result);
  }

  asio::io_context io;
  http::Client client{io};
  HttpSender sender;
};

inline SenderOptions one_endpoint(const std::string& url, milliseconds timeout = 15000ms) {
  SenderOptions options;
  options.endpoints["app"].url = url;
  options.endpoints["app"].secrets = {kSecret};
  options.endpoints["app"].timeout = timeout;
  return options;
}

inline Outgoing to_endpoint(const std::string& body = R"({"test": 2432232314})") {
  Outgoing outgoing;
  outgoing.no = 7;
  outgoing.webhook_id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  outgoing.endpoint = "app";
  outgoing.body = std::make_shared<const std::string>(body);
  return outgoing;
}

inline Outgoing to_url(const std::string& url) {
  auto outgoing = to_endpoint();
  outgoing.endpoint.clear();
  outgoing.target.url = url;
  outgoing.target.secret = kSecret;
  return outgoing;
}

/// A port of 127.0.0.1 at which nobody listens.
class DeadPort {
 public:
  DeadPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    url = "http://127.0.0.1:" + std::to_string(port) + "/";
  }
  ~DeadPort() { ::close(fd_); }
  DeadPort(const DeadPort&) = delete;
  DeadPort& operator=(const DeadPort&) = delete;
  std::uint16_t port = 0;
  std::string url;

 private:
  int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

}  // namespace mjwatchd::webhooks::test

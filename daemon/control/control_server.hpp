// The control API: what apps and `mjwatch` talk to.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/control/desk.hpp"
#include "daemon/control/event_hub.hpp"

namespace mjwatchd::control {

struct ControlOptions {
  int passed_fd = -1;  ///< a listening socket from systemd, used instead of `socket`
  std::string socket;  ///< path; used when no socket was passed
  unsigned mode = 0660;
  std::string listen;              ///< HOST:PORT besides; empty: off
  std::string token;               ///< what TCP clients must show as "Authorization: Bearer …"; needed with `listen`
  std::vector<std::string> hosts;  ///< names that TCP clients may call it by, besides localhost and its addresses
};

/// Loop thread only; `io`, `desk` and `hub` must outlive it.
class ControlServer {
 public:
  /// Listens at once. Throws std::system_error or std::runtime_error with what, where and the cure.
  ControlServer(asio::io_context& io, Desk& desk, EventHub& hub, ControlOptions options);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// No new connections; event streams and waiting clients are let go, the rest is answered.
  void stop(std::chrono::milliseconds grace);
  [[nodiscard]] std::size_t connections() const;
  /// The TCP port that is listened on; 0 when it is off.
  [[nodiscard]] std::uint16_t port() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mjwatchd::control

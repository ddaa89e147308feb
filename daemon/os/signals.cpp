#include "daemon/os/signals.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>

namespace mjwatchd::os {

Signals::Signals(asio::io_context& io, std::function<void(int signal)> stop, std::function<void()> reload)
    : set_(io), stop_(std::move(stop)), reload_(std::move(reload)) {
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    throw std::system_error(errno, std::generic_category(), "SIGPIPE can't be ignored");
  }
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) set_.add(signal);
  wait();
}

void Signals::wait() {
  set_.async_wait([this](const asio::error_code& error, int signal) {
    if (error) return;  // cancelled; `this` may be gone
    wait();
    if (signal == SIGHUP) {
      reload_();
    } else {
      stop_(signal);
    }
  });
}

void Signals::cancel() { set_.cancel(); }

}  // namespace mjwatchd::os

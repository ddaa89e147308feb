// What the operator says by signals.
#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <functional>

namespace mjwatchd::os {

/// SIGTERM and SIGINT ask to stop, SIGHUP asks to reload; each as often as it comes. Callbacks run on
/// the loop's thread. `io` must outlive this. SIGPIPE is ignored from construction on, for the whole
/// process: a peer that hangs up is an error of one write, not the end.
class Signals {
 public:
  /// Throws std::system_error when a signal can't be caught.
  Signals(asio::io_context& io, std::function<void(int signal)> stop, std::function<void()> reload);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// No callback after this; the loop is no longer kept alive.
  void cancel();

 private:
  void wait();

  asio::signal_set set_;
  std::function<void(int)> stop_;
  std::function<void()> reload_;
};

}  // namespace mjwatchd::os

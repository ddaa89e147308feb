// Takes connections from one listening socket.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "daemon/http/server_socket.hpp"
#include "daemon/os/descriptor.hpp"

namespace mjwatchd::http {

/// Owned by the server; loop thread only.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  struct Owner {
    std::function<bool()> has_room;  ///< asked before each connection
    std::function<void(os::Descriptor, int family)> take;
  };
  Acceptor(asio::io_context& io, ListeningSocket socket, Owner owner);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// Waits for connections; also after the owner had no room. They queue in the kernel meanwhile.
  void resume();
  void close();

 private:
  void accept_some();
  bool accept_one();
  void back_off(int error);

  ListeningSocket socket_;
  asio::posix::stream_descriptor watch_;
  asio::steady_timer pause_;
  Owner owner_;
  bool waiting_ = false, closed_ = false, warned_ = false;
};

}  // namespace mjwatchd::http

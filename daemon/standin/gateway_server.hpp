// The stand-in gateway: the task API over HTTP, answered from a book of scripts.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/http/server.hpp"
#include "daemon/standin/gallery.hpp"
#include "daemon/standin/misbehaviour.hpp"
#include "daemon/standin/task_book.hpp"
#include "daemon/standin/task_json.hpp"

namespace mjwatchd::standin {

enum class Auth : std::uint8_t { bearer, mj_api_secret };

/// How the stand-in behaves.
struct GatewayOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: picked by the system
  std::string prefix = "/mj";
  std::string token;  ///< empty: none is asked for
  Auth auth = Auth::bearer;
  double speed = 1;
  std::uint64_t seed = 1;
  bool make_up_unknown = false;      ///< a task asked for is made up at first sight
  milliseconds link_life{86400000};  ///< how long picture links are good
  GallerySettings gallery;
  std::function<Moment()> clock;  ///< unset: the system's
};

/// Lives on the loop's thread; `io` must outlive it. The control calls under /_/ are answered only
/// when it listens on a loopback address: they have no password.
class GatewayServer {
 public:
  GatewayServer(asio::io_context& io, GatewayOptions options);
  ~GatewayServer();
  GatewayServer(const GatewayServer&) = delete;
  GatewayServer& operator=(const GatewayServer&) = delete;

  /// Listens; throws std::system_error. Answers the port.
  std::uint16_t start();
  /// No new connections; open ones end within a second.
  void stop();
  [[nodiscard]] std::string base_url() const;

  TaskBook& book();
  Misbehaviour& misbehaviour();
  /// As Misbehaviour::set, and arms `restart`.
  void misbehave(const std::string& list);
  /// Makes a task up that is submitted now; false when the book is full.
  bool make_task(const Wish& wish, const std::function<void(Script&)>& change = {});

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mjwatchd::standin

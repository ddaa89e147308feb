// A stream of registrations, one on each line, taken while it comes.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/control/bulk.hpp"
#include "daemon/http/server.hpp"

namespace mjwatchd::control {

/// Give it to the server as the body's sink, and finish() it when the body is complete. Loop thread
/// only. What has come and is not yet passed on is kept, at most the body (64 MiB): so few at a time.
class LineSink final : public http::BodySink {
 public:
  /// `gone` is called when the last of it is through.
  LineSink(asio::io_context& io, Desk& desk, std::string gateway, std::function<void()> gone);
  void piece(std::string_view bytes) override;
  void finish(http::ResponderPtr to);

  static constexpr std::size_t kLongestLine = 256U << 10;

 private:
  class Lines;
  Lines* lines_ = nullptr;  ///< owned by the bulk
  std::shared_ptr<Bulk> bulk_;
};

}  // namespace mjwatchd::control

// Many registrations in one request.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "daemon/control/desk.hpp"
#include "daemon/control/json_text.hpp"
#include "daemon/control/registration.hpp"
#include "daemon/http/server.hpp"

namespace mjwatchd::control {

/// Where a bulk's registrations come from.
class BulkSource {
 public:
  virtual ~BulkSource() = default;
  struct Item {
    std::string id;        ///< as far as it is known
    std::size_t line = 0;  ///< 0: not from a stream
    Decoded<Registration> wish;
  };
  /// The next one at hand; nothing when there is none (yet).
  virtual std::optional<Item> next() = 0;
};

/// Passes registrations on, a bounded number at a time, and counts what becomes of them. Loop thread
/// only; shared by what it waits for. When the store has no room just now it waits a while; what is
/// then still not taken is rejected, so that the answer always comes.
class Bulk : public std::enable_shared_from_this<Bulk> {
 public:
  Bulk(asio::io_context& io, Desk& desk, std::unique_ptr<BulkSource> source, std::function<void()> gone);
  ~Bulk();
  Bulk(const Bulk&) = delete;
  Bulk& operator=(const Bulk&) = delete;

  [[nodiscard]] BulkSource& source() { return *source_; }
  /// There may be more in the source.
  void pump();
  /// The source will have no more; `to` is answered when all are through.
  void finish(http::ResponderPtr to);

 private:
  void submit(BulkSource::Item item);
  void settled(const BulkSource::Item& item, const CommitResult& result);
  void reject(const BulkSource::Item& item, const std::string& reason);
  [[nodiscard]] bool wait_for_room();
  void answer_if_done();

  Desk& desk_;
  std::unique_ptr<BulkSource> source_;
  std::function<void()> gone_;
  asio::steady_timer patience_;
  http::ResponderPtr to_;
  std::size_t in_flight_ = 0, accepted_ = 0, existing_ = 0, rejected_ = 0, unlisted_ = 0;
  std::string listed_;  ///< the rejected ones as JSON, comma-separated
  int waits_ = 0;       ///< in a row, for room
  bool pumping_ = false, waiting_ = false, posted_ = false;
};

/// Ids that are asked for alike.
[[nodiscard]] std::unique_ptr<BulkSource> make_source(ManyTasks many);

}  // namespace mjwatchd::control

// One client that asked for a task, and may wait for its end.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "daemon/control/desk.hpp"
#include "daemon/control/event_hub.hpp"
#include "daemon/control/problem.hpp"
#include "daemon/http/server.hpp"

namespace mjwatchd::control {

/// Loop thread only. Kept alive by who began it until `ended` is called. It listens before it looks, so
/// that an end committed in between is not missed, and it looks again at the store for each answer:
/// the store, not memory, says how a task stands.
class Waiter : public std::enable_shared_from_this<Waiter> {
 public:
  /// `ended` is called once, last, unless this is destroyed first. `desk` and `hub` must outlive it.
  Waiter(asio::io_context& io, Desk& desk, EventHub& hub, std::string id, std::string gateway, http::ResponderPtr to,
         std::function<void()> ended);
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void begin(milliseconds longest);
  /// Looks once more: the task may have been deleted. Others' ids are ignored.
  void changed(const std::string& id);
  /// Answers with what there is now.
  void finish();

 private:
  void look();
  void saw(Listing<TaskView> found);
  void answer(http::ServerResponse response);
  void end();

  Desk& desk_;
  EventHub& hub_;
  std::string id_, gateway_;
  http::ResponderPtr to_;
  std::function<void()> ended_;
  asio::steady_timer patience_;
  EventHub::Id listener_ = 0;
  bool looking_ = false;  ///< the store was asked
  bool again_ = false;    ///< something happened since
  bool last_ = false;     ///< whatever is seen is the answer
  bool over_ = false;
};

}  // namespace mjwatchd::control

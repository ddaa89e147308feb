#include "daemon/control/waiter.hpp"

#include "daemon/control/views.hpp"
#include "daemon/control/which_task.hpp"

namespace mjwatchd::control {

Waiter::Waiter(asio::io_context& io, Desk& desk, EventHub& hub, std::string id, std::string gateway,
               http::ResponderPtr to, std::function<void()> ended)
    : desk_(desk),
      hub_(hub),
      id_(std::move(id)),
      gateway_(std::move(gateway)),
      to_(std::move(to)),
      ended_(std::move(ended)),
      patience_(io) {}

Waiter::~Waiter() { hub_.leave(listener_); }

void Waiter::begin(milliseconds longest) {
  listener_ = hub_.join([weak = weak_from_this()](const CommittedEvent& event) {
    if (const auto self = weak.lock()) self->changed(event.key.id);
  });
  to_->on_gone([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end();
  });
  patience_.expires_after(longest);
  patience_.async_wait([weak = weak_from_this()](const std::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->finish();
  });
  look();
}

void Waiter::changed(const std::string& id) {
  if (!over_ && id == id_) look();
}

void Waiter::finish() {
  if (over_) return;
  last_ = true;
  look();
}

void Waiter::look() {
  if (looking_) {
    again_ = true;
    return;
  }
  looking_ = true;
  TaskQuery query;
  query.id = id_;
  query.gateway = gateway_;
  desk_.tasks(std::move(query), [weak = weak_from_this()](Listing<TaskView> found) {
    const auto self = weak.lock();
    if (self && !self->over_) self->saw(std::move(found));
  });
}

void Waiter::saw(Listing<TaskView> found) {
  looking_ = false;
  const bool stale = std::exchange(again_, false);
  const auto chosen = choose_task(std::move(found), id_, gateway_, desk_.default_gateway());
  if (const auto* problem = std::get_if<Problem>(&chosen)) {
    answer(respond(*problem));
    return;
  }
  const auto& task = std::get<TaskView>(chosen);
  if (has_ended(task) || (last_ && !stale)) {
    answer(respond(200, show_task(task)));
  } else if (stale) {
    look();
  }
}

void Waiter::answer(http::ServerResponse response) {
  to_->reply(std::move(response));
  end();
}

void Waiter::end() {
  if (over_) return;
  over_ = true;
  const auto self = shared_from_this();
  hub_.leave(listener_);
  patience_.cancel();
  to_.reset();
  if (ended_) std::exchange(ended_, {})();
}

}  // namespace mjwatchd::control

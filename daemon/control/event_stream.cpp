#include "daemon/control/event_stream.hpp"

#include <algorithm>

#include "daemon/control/problem.hpp"

namespace mjwatchd::control {
namespace {

constexpr std::chrono::seconds kHeartbeat{15};
constexpr std::size_t kPage = 200;            ///< events read at once
constexpr std::size_t kPortion = 256U << 10;  ///< bytes written before the client has to have taken them

http::ServerResponse head_of(StreamFormat format, EventNo after) {
  http::ServerResponse head;
  head.headers = {{"content-type", format == StreamFormat::lines ? "application/x-ndjson" : "text/event-stream"},
                  {"cache-control", "no-store"},
                  {"x-accel-buffering", "no"}};
  if (after >= 0) head.headers.emplace_back("last-event-id", std::to_string(after));
  return head;
}

}  // namespace

EventStream::EventStream(asio::io_context& io, Desk& desk, EventHub& hub, StreamWish wish, http::ResponderPtr to,
                         std::function<void()> ended)
    : desk_(desk), hub_(hub), wish_(std::move(wish)), to_(std::move(to)), ended_(std::move(ended)), heart_(io) {
  wish_.filter.limit = kPage;
  wish_.filter.after = wish_.resume.value_or(0);
}

EventStream::~EventStream() { hub_.leave(listener_); }

void EventStream::begin() {
  listener_ = hub_.join([weak = weak_from_this()](const CommittedEvent& event) {
    if (const auto self = weak.lock()) self->heard(event);
  });
  told_before_ = hub_.told();
  if (wish_.resume) {
    to_->on_gone([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->end();
    });
    read_page();  // first, for it may be a 410
  } else {
    last_ = told_before_;
    caught_up_ = open_stream();
  }
}

void EventStream::end() {
  if (over_) return;
  over_ = true;
  const auto self = shared_from_this();
  hub_.leave(listener_);
  heart_.cancel();
  if (stream_) {
    stream_->close();
  } else {
    Problem problem{503, "The daemon is stopping.", {}, {}};
    to_->reply(respond(problem.header("retry-after", "2")));
  }
  to_.reset();
  if (ended_) std::exchange(ended_, {})();
}

/// What comes now would seem to come right after what it had: it has to come back and say after which.
void EventStream::give_up() {
  if (!stream_) to_->reply(respond(unreadable()));
  end();
}

void EventStream::refuse_gone() {
  Problem problem{410, {}, {}, {}};
  problem.detail = "Events right after " + std::to_string(wish_.filter.after) +
                   " are no longer kept (watch.retain): begin anew without Last-Event-ID, and read the tasks "
                   "themselves for what was missed.";
  to_->reply(respond(problem.with_json("last_event_id", std::to_string(wish_.filter.after))));
}

bool EventStream::open_stream() {
  stream_ = to_->stream(head_of(wish_.format, wish_.resume && !looked_up_ ? *wish_.resume : last_));
  stream_->on_close([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end();
  });
  if (over_ || !stream_->open()) {  // a HEAD, or the client has gone
    end();
    return false;
  }
  beat();
  const std::string hello = greeting(wish_.format, last_);
  return hello.empty() || write(hello);
}

bool EventStream::wanted(const CommittedEvent& event) const {
  const auto& filter = wish_.filter;
  return (mask_of(event.type) & filter.types) != 0 && (filter.id.empty() || filter.id == event.key.id) &&
         (filter.gateway.empty() || filter.gateway == event.key.gateway);
}

void EventStream::heard(const CommittedEvent& event) {
  if (over_) return;
  heard_ = std::max(heard_, event.no);
  const EventNo before = std::min(hub_.told(), event.no - 1);  // known by now; what lies between is still to come
  if (told_before_ < 0) told_before_ = before;
  if (!caught_up_) {
    if (wanted(event)) {
      more_ = more_ || event.no != 0;
    } else if (event.no == covered_ + 1) {
      covered_ = event.no;
    }
    return;
  }
  if (event.no != 0) {
    if (last_ < 0) last_ = before;
    if (event.no <= last_) return;  // a page has brought it already
    if (last_ >= 0 && event.no != last_ + 1) return catch_up();
    last_ = event.no;
  }
  if (wanted(event)) static_cast<void>(write(event_text(event, wish_.format)));
}

/// One between was not published yet.
void EventStream::catch_up() {
  caught_up_ = false;
  wish_.filter.after = last_;
  read_page();
}

void EventStream::read_page() {
  more_ = false;
  covered_ = heard_;
  desk_.events(wish_.filter, [weak = weak_from_this()](EventPage page) {
    const auto self = weak.lock();
    if (self && !self->over_) self->took(std::move(page));
  });
}

void EventStream::took(EventPage page) {
  if (page.unread) return give_up();
  // 0 asks for the oldest that is kept, so nothing it means can have gone.
  if (page.gone && wish_.filter.after > 0) {
    if (!stream_) refuse_gone();  // else it fell behind while it read; it is told when it comes back
    end();
    return;
  }
  if (page.events.empty() && last_ < 0 && !looked_up_) return look_up();
  if (!stream_ && !open_stream()) return;
  page_.assign(std::make_move_iterator(page.events.begin()), std::make_move_iterator(page.events.end()));
  if (!page_.empty() || more_) return write_page();
  go_live();
}

/// What is published now may come before the event after which it resumes, if that is another daemon's. There may be no
/// such event: in a database of yesterday's, which was restored. Then it begins after what was told when it came.
void EventStream::look_up() {
  looked_up_ = true;
  EventQuery one;
  one.after = std::max<EventNo>(*wish_.resume - 1, 0);
  one.limit = 1;
  desk_.events(one, [weak = weak_from_this()](const EventPage& page) {
    const auto self = weak.lock();
    if (!self || self->over_) return;
    if (page.unread) return self->give_up();
    const EventNo resume = *self->wish_.resume;
    const bool there = !page.events.empty() && page.events.front().no == resume;
    if (self->told_before_ < 0) self->told_before_ = self->hub_.told();
    if (there || page.gone || resume == 0) {
      self->last_ = resume;
    } else if (self->told_before_ < resume) {
      self->last_ = self->told_before_;
    }  // else the list was put back under this daemon: what it hears of is new
    if (self->last_ >= 0) self->wish_.filter.after = self->last_;
    if (!self->stream_ && !self->open_stream()) return;
    self->more_ ? self->read_page() : self->go_live();
  });
}

void EventStream::go_live() {
  caught_up_ = true;
  if (last_ >= 0 || covered_ > 0) last_ = std::max(last_, covered_);
}

/// A portion at a time, each when the client has taken the one before.
void EventStream::write_page() {
  std::string portion;
  while (!page_.empty() && portion.size() < kPortion) {
    const auto& event = page_.front();
    last_ = wish_.filter.after = event.no;
    portion += event_text(event, wish_.format);
    page_.pop_front();
  }
  if (!portion.empty() && !write(portion)) return;
  stream_->on_drained([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->over_) return;
    if (self->page_.empty()) {
      self->read_page();
    } else {
      self->write_page();
    }
  });
}

bool EventStream::write(const std::string& text) {
  if (over_) return false;
  if (stream_->write(text)) return true;
  end();
  return false;
}

void EventStream::beat() {
  heart_.expires_after(kHeartbeat);
  heart_.async_wait([weak = weak_from_this()](const std::error_code& cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self || self->over_) return;
    if (self->caught_up_ && self->last_ < 0) self->last_ = self->hub_.told();
    if (self->write(heartbeat(self->wish_.format, self->last_))) self->beat();
  });
}

}  // namespace mjwatchd::control

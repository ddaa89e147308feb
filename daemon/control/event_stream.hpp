// One client's stream of events: what was missed, then what happens.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "daemon/control/desk.hpp"
#include "daemon/control/event_hub.hpp"
#include "daemon/control/event_text.hpp"
#include "daemon/http/server.hpp"

namespace mjwatchd::control {

struct StreamWish {
  EventQuery filter;              ///< `after` and `limit` are the stream's own
  std::optional<EventNo> resume;  ///< after this event; nothing: from now on
  StreamFormat format = StreamFormat::server_sent;
};

/// Loop thread only. Kept alive by who began it until `ended` is called. While it reads what was missed,
/// events that are published only tell it that there is more to read; so none is lost or said twice,
/// whatever is committed meanwhile. Where several daemons commit, one may be published before another that has a
/// smaller number: then it reads as well, so that who resumes after any event has missed none.
/// Unrecorded progress goes only to those who have caught up.
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  /// `ended` is called once, last, unless this is destroyed first. `desk` and `hub` must outlive it.
  EventStream(asio::io_context& io, Desk& desk, EventHub& hub, StreamWish wish, http::ResponderPtr to,
              std::function<void()> ended);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  void begin();
  /// Lets the client go.
  void end();

 private:
  void heard(const CommittedEvent& event);
  void catch_up();
  void read_page();
  void look_up();
  void go_live();
  void took(EventPage page);
  void write_page();
  bool open_stream();
  void refuse_gone();
  void give_up();
  [[nodiscard]] bool wanted(const CommittedEvent& event) const;
  bool write(const std::string& text);
  void beat();

  Desk& desk_;
  EventHub& hub_;
  StreamWish wish_;
  http::ResponderPtr to_;
  std::function<void()> ended_;
  std::shared_ptr<http::Stream> stream_;
  asio::steady_timer heart_;
  EventHub::Id listener_ = 0;
  std::deque<CommittedEvent> page_;  ///< read, not yet written
  EventNo last_ = -1;                ///< all that is wanted up to this one was written; less than 0: not known
  EventNo told_before_ = -1;         ///< all up to this one was told before it began; less than 0: not known
  EventNo heard_ = 0;                ///< the newest that was published
  EventNo covered_ = 0;              ///< all up to this one that is wanted is in the page that was asked for, or before
  bool caught_up_ = false;
  bool looked_up_ = false;  ///< the event after which it resumes
  bool more_ = false;       ///< something was published since the last page was asked for
  bool over_ = false;
};

}  // namespace mjwatchd::control

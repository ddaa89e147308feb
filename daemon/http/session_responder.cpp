#include "daemon/http/session_responder.hpp"

#include "daemon/http/session.hpp"

namespace mjwatchd::http {

namespace {

class SessionStream final : public Stream {
 public:
  SessionStream(std::weak_ptr<Session> session, std::uint64_t serial) : session_(std::move(session)), serial_(serial) {}
  ~SessionStream() override { close(); }
  SessionStream(const SessionStream&) = delete;
  SessionStream& operator=(const SessionStream&) = delete;

  bool write(std::string_view piece) override {
    const auto session = session_.lock();
    return session && !closed_ && session->stream_piece(serial_, piece);
  }
  void close() final {
    if (const auto session = session_.lock(); session && !closed_) session->end_stream(serial_);
    closed_ = true;
  }
  [[nodiscard]] bool open() const override {
    const auto session = session_.lock();
    return session && !closed_ && session->streams(serial_);
  }
  void on_close(std::function<void()> gone) override {
    if (closed_) return;
    const auto session = session_.lock();
    if (session && session->streams(serial_)) {
      session->on_gone(std::move(gone));
    } else {
      gone();
    }
  }
  void on_drained(std::function<void()> drained) override {
    const auto session = session_.lock();
    if (session && !closed_ && session->streams(serial_)) session->on_drained(std::move(drained));
  }

 private:
  std::weak_ptr<Session> session_;
  std::uint64_t serial_;
  bool closed_ = false;  ///< by its owner
};

class SessionResponder final : public Responder {
 public:
  SessionResponder(std::weak_ptr<Session> session, std::uint64_t serial)
      : session_(std::move(session)), serial_(serial) {}
  ~SessionResponder() override {
    const auto session = session_.lock();
    if (!answered_ && session) session->reply(serial_, problem({500, "The request was dropped unanswered."}));
  }
  SessionResponder(const SessionResponder&) = delete;
  SessionResponder& operator=(const SessionResponder&) = delete;

  void reply(ServerResponse response) override {
    const auto session = session_.lock();
    if (!std::exchange(answered_, true) && session) session->reply(serial_, std::move(response));
  }
  std::shared_ptr<Stream> stream(ServerResponse head) override {
    const auto session = session_.lock();
    const bool began = !std::exchange(answered_, true) && session && session->begin_stream(serial_, std::move(head));
    return std::make_shared<SessionStream>(began ? session_ : std::weak_ptr<Session>(), serial_);
  }
  [[nodiscard]] bool gone() const override {
    const auto session = session_.lock();
    return !answered_ && !(session && session->waits_for(serial_));
  }
  void on_gone(std::function<void()> call) override {
    if (answered_) return;
    const auto session = session_.lock();
    if (session && session->waits_for(serial_)) {
      session->on_gone(std::move(call));
    } else {
      call();
    }
  }

 private:
  std::weak_ptr<Session> session_;
  std::uint64_t serial_;
  bool answered_ = false;
};

}  // namespace

ResponderPtr make_responder(std::weak_ptr<Session> session, std::uint64_t serial) {
  return std::make_shared<SessionResponder>(std::move(session), serial);
}

}  // namespace mjwatchd::http

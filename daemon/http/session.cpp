#include "daemon/http/session.hpp"

#include <spdlog/spdlog.h>

#include "daemon/http/session_responder.hpp"

namespace mjwatchd::http {

namespace {

/// The target without its query, which may hold what is not for logs.
std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string what_failed() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of an unknown kind";
  }
}

}  // namespace

Session::Session(Socket socket, Peer peer, std::shared_ptr<ServerShared> shared)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      peer_(peer),
      shared_(std::move(shared)),
      scan_(shared_->limits.max_header_bytes),
      parser_(shared_->limits.max_header_bytes),
      since_(Clock::now()) {}

void Session::start() { advance(); }

void Session::advance() {
  if (advancing_) return;  // an answer came from inside the handler: the loop below goes on
  const auto self = shared_from_this();
  advancing_ = true;
  bool more = true;
  while (more && !closed_) {
    more = phase_ == Phase::head ? take_head() : phase_ == Phase::body && take_body();
  }
  advancing_ = false;
  if (closed_) return;
  const bool waits_for_input = phase_ == Phase::head || phase_ == Phase::body;
  if (input_ended_ && waits_for_input) {
    close();  // the rest of the request will never come
    return;
  }
  read();
  set_deadline();
}

bool Session::take_head() {
  // An empty line before the request line is what some old clients send after a body (RFC 9112, 2.2).
  while (unparsed().starts_with("\r\n")) {
    begin_ += 2;
    scan_.reset();
  }
  if (unparsed().empty()) return false;
  if (scan_.untouched() && !fresh_) since_ = Clock::now();
  const auto found = scan_.look(unparsed());
  if (found.refusal) {
    refuse(found.refusal);
    return true;
  }
  if (found.size == 0) return false;
  const auto refusal = parser_.parse_head(unparsed().substr(0, found.size), !peer_.local);
  begin_ += found.size;
  scan_.reset();
  fresh_ = false;
  http10_ = parser_.head().http10;
  head_only_ = parser_.head().request.method == "HEAD";
  keep_alive_ = parser_.head().keep_alive;
  if (refusal) {
    refuse(refusal);
  } else {
    accept_head();
  }
  return true;
}

void Session::accept_head() {
  auto& request = parser_.head().request;
  request.local = peer_.local;
  request.peer_uid = peer_.uid;
  request.peer_pid = peer_.pid;
  if (!plan() || closed_) return;
  if (!parser_.head().has_body) {
    serve();
    return;
  }
  phase_ = Phase::body;
  since_ = Clock::now();
  if (parser_.head().expects_continue && unparsed().empty()) {
    out_.add_text("HTTP/1.1 100 Continue\r\n\r\n");
    flush();
  }
}

/// Asks whether the request is wanted and how large its body may be; false when it is answered.
bool Session::plan() {
  const auto& head = parser_.head();
  const auto shared = shared_;  // the server may be destroyed by what is called
  ServerHandler::BodyPlan plan;
  plan.max_body = shared->limits.max_body;
  try {
    if (shared->handler.refuse) {
      if (auto refusal = shared->handler.refuse(head.request)) {
        keep_alive_ = keep_alive_ && !head.has_body;
        answer(std::move(*refusal));
        return false;
      }
    }
    if (shared->handler.plan_body && !closed_) plan = shared->handler.plan_body(head.request);
  } catch (...) {
    spdlog::error("http: {} {}: {}", head.request.method, path_of(head.request.target), what_failed());
    refuse({500, "The request could not be judged."});
    return false;
  }
  if (head.announced > plan.max_body) {
    refuse({413, "The body is larger than this call takes."});
    return false;
  }
  parser_.head().request.sink = plan.sink;
  parser_.take_body(plan.max_body, std::move(plan.sink));
  return true;
}

bool Session::take_body() {
  if (unparsed().empty()) return false;
  since_ = Clock::now();
  Refusal refusal;
  begin_ += parser_.parse_body(unparsed(), refusal);
  if (refusal) {
    refuse(refusal);
  } else if (parser_.complete()) {
    serve();
  }
  return true;
}

void Session::serve() {
  phase_ = Phase::serving;
  const auto answer_to = make_responder(weak_from_this(), serial_);
  const auto shared = shared_;  // the server may be destroyed by the handler
  const auto method = parser_.head().request.method;
  const std::string path(path_of(parser_.head().request.target));
  try {
    shared->handler.handle(std::move(parser_.head().request), answer_to);
  } catch (...) {
    spdlog::error("http: {} {}: {}", method, path, what_failed());
    answer_to->reply(problem({500, "The request failed inside the server; its log says why."}));
  }
}

void Session::refuse(const Refusal& refusal) {
  keep_alive_ = false;  // where the next request would begin is not known
  answer(problem(refusal));
}

void Session::next_request() {
  phase_ = Phase::head;
  ++serial_;
  gone_.clear();
  drained_ = {};
  parser_.next();
  http10_ = head_only_ = stream_ended_ = false;
  since_ = Clock::now();
}

void Session::wind_up() {
  const auto self = shared_from_this();
  if (closed_) return;
  if (streams(serial_)) {
    tell_gone();
    end_stream(serial_);
  } else if (phase_ == Phase::head && unparsed().empty()) {
    close();
  }
}

}  // namespace mjwatchd::http

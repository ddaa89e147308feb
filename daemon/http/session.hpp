// One client's connection: reads requests, has them answered one after another, writes the answers.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/server.hpp"
#include "daemon/http/session_head_scan.hpp"
#include "daemon/http/session_output.hpp"
#include "daemon/http/session_parser.hpp"

namespace mjwatchd::http {

class Session;

/// What all sessions of a server share. It outlives the server as long as a session lives.
struct ServerShared {
  ServerHandler handler;
  ServerLimits limits;
  bool stopping = false;                    ///< answers end their connections
  bool dead = false;                        ///< the server is destroyed: nobody is called any more
  std::function<void(const Session*)> end;  ///< a session has closed; unset when dead
};

/// Who is at the other end.
struct Peer {
  bool local = false;
  std::optional<std::uint32_t> uid, pid;
};

/// Owned by the server's list and by what waits on its socket; loop thread only. Parsing stops while a
/// request is being answered, so that nobody can make it hold more than one request, one answer and
/// one bounded buffer; a read stays outstanding to notice that the client has gone.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = asio::generic::stream_protocol::socket;
  using Clock = std::chrono::steady_clock;

  Session(Socket socket, Peer peer, std::shared_ptr<ServerShared> shared);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  /// The server stops: idle now, or after the answer.
  void wind_up();
  /// Ends at once, with whatever is unsent.
  void close();

  // For the answer of request number `serial`; calls for an earlier one do nothing.
  void reply(std::uint64_t serial, ServerResponse response);
  bool begin_stream(std::uint64_t serial, ServerResponse head);
  bool stream_piece(std::uint64_t serial, std::string_view piece);
  void end_stream(std::uint64_t serial);
  [[nodiscard]] bool waits_for(std::uint64_t serial) const;
  [[nodiscard]] bool streams(std::uint64_t serial) const;
  /// For the request at hand: `gone` is called once, from the loop, when the connection ends before
  /// it is answered, or before its stream is closed.
  void on_gone(std::function<void()> gone) { gone_.push_back(std::move(gone)); }
  /// For the stream at hand, which is open.
  void on_drained(std::function<void()> drained);

 private:
  enum class Phase : std::uint8_t { head, body, serving, answering, streaming, lingering };

  // session.cpp: from bytes to requests
  void advance();
  bool take_head();
  bool take_body();
  void accept_head();
  bool plan();
  void serve();
  void refuse(const Refusal& refusal);
  void next_request();

  // session_answer.cpp: from answers to bytes
  void answer(ServerResponse response);
  void add_head(const ServerResponse& response, const std::string& framing);
  void flush();
  void flush_soon();
  void drained();
  void tell_drained();

  // session_wire.cpp: the socket and the clock
  void read();
  [[nodiscard]] bool make_room();
  void on_read(const std::error_code& error, std::size_t size);
  void on_end_of_input();
  void watch_for_hang_up();
  [[nodiscard]] bool hung_up();
  void wait_writable();
  void linger();
  void set_deadline();
  void arm();
  void expire();
  void tell_gone();
  [[nodiscard]] std::string_view unparsed() const { return {in_.data() + begin_, end_ - begin_}; }

  Socket socket_;
  asio::steady_timer timer_;
  Peer peer_;
  std::shared_ptr<ServerShared> shared_;

  Phase phase_ = Phase::head;
  std::uint64_t serial_ = 0;  ///< of the request at hand
  HeadScan scan_;
  RequestParser parser_;
  bool advancing_ = false;

  std::vector<char> in_;  ///< received: [begin_, end_) is not yet parsed
  std::size_t begin_ = 0, end_ = 0;
  bool reading_ = false, filled_ = false, input_ended_ = false, closed_ = false;

  SendBuffer out_;
  bool writing_ = false, flush_posted_ = false;
  bool keep_alive_ = false, http10_ = false, head_only_ = false, stream_ended_ = false;
  std::vector<std::function<void()>> gone_;
  std::function<void()> drained_;  ///< who waits for the stream's queue to be empty

  Clock::time_point since_;  ///< the last progress of the phase: what its time limit counts from
  Clock::time_point deadline_ = Clock::time_point::max(), armed_ = Clock::time_point::max();
  bool fresh_ = true;  ///< has not yet sent a request
};

}  // namespace mjwatchd::http

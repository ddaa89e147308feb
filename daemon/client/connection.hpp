// The client's line to the daemon: HTTP over its Unix socket.
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::client {

/// The exit codes users script against.
enum class Exit : int { done = 0, error = 1, usage = 2, without_success = 3, time_up = 4, unreachable = 5 };

/// The command cannot go on. what() is for people and says what to do next.
class Trouble : public std::runtime_error {
 public:
  Trouble(Exit code, const std::string& what) : std::runtime_error(what), code_(code) {}
  [[nodiscard]] Exit code() const { return code_; }

 private:
  Exit code_;
};

struct Answer {
  int status = 0;
  std::string body{};
  [[nodiscard]] bool good() const { return status >= 200 && status < 300; }
};

struct Call {
  std::string method = "GET";
  std::string path{};  ///< "/v1/…", with its query, percent-encoded
  std::string body{};
  std::string content_type = "application/json";
  std::vector<std::string> headers{};  ///< "Name: value"
  long timeout_ms = 60000;             ///< 0: none
  /// Told of each line of the head, without its end.
  std::function<void(std::string_view line)> on_head{};
  /// Takes the body of a 2xx in pieces instead; false ends the exchange without an error.
  std::function<bool(std::string_view piece)> on_piece{};
};

/// One connection, kept open between calls. Blocking; one thread.
class Connection {
 public:
  explicit Connection(std::string socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Throws Trouble(unreachable) when there is no daemon or no permission, Trouble(error) when the
  /// exchange broke, Trouble(time_up) when timeout_ms passed.
  Answer call(const Call& call);
  /// As call(); an answer that is not 2xx becomes Trouble(error) with the problem's own words.
  Answer need(const Call& call);

 private:
  std::string socket_;
  void* easy_;
};

/// "detail" or "title" of an RFC 9457 problem; else the status and the start of the body.
[[nodiscard]] std::string problem_text(const Answer& answer);

}  // namespace mjwatchd::client

// What stands between a store and PostgreSQL, and cuts the line.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::store::test {

/// Passes on what both sides say, message by message, on a socket of its own, until it is told to cut a connection.
/// Any thread.
class Relay {
 public:
  enum class Cut {
    before,  ///< the statement never reaches the server
    during,  ///< the server has it and all that was sent with it; the client is gone before the answer
    after,   ///< the server has done it and all that was sent with it; its answer is lost
  };

  /// In front of the server of this `url`.
  explicit Relay(const std::string& url);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// postgresql://… to the same schema through here.
  [[nodiscard]] const std::string& url() const { return url_; }
  /// The next time that a prepared statement whose text holds `words` is to be run; the time after it, if called again.
  void cut(Cut how, const std::string& words);
  /// Hangs up on all that are there and on whoever comes, until then.
  void refuse_until(std::chrono::steady_clock::time_point end);
  /// Connections that were cut as cut() said.
  [[nodiscard]] int made() const;
  /// How often a prepared statement whose text holds `words` was to be run so far.
  [[nodiscard]] int runs(const std::string& words) const;

 private:
  struct Line;
  struct Plan {
    Cut how;
    std::string words;
  };

  void run();
  void welcome();
  [[nodiscard]] bool from_client(Line& line);
  [[nodiscard]] bool from_server(Line& line);
  [[nodiscard]] bool pass_on(Line& line, const std::string& message);
  [[nodiscard]] std::optional<Cut> planned(const std::string& text);

  std::filesystem::path folder_;
  std::string url_, target_;
  os::Descriptor listener_, call_;  ///< `call_` is an eventfd: something is to be done at once

  mutable std::mutex mutex_;
  std::deque<Plan> plans_;
  std::map<std::string, int> runs_;  ///< by the statement's text
  int made_ = 0;
  bool hang_up_ = false, closing_ = false;
  std::chrono::steady_clock::time_point refused_until_{};

  std::list<Line> lines_;  ///< the thread's own
  std::thread thread_;
};

}  // namespace mjwatchd::store::test

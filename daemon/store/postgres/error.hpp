// What PostgreSQL could not do, and what follows from it.
#pragma once

#include <stdexcept>
#include <string>

namespace mjwatchd::store::postgres {

class PostgresError : public std::runtime_error {
 public:
  /// `state` is the SQLSTATE; empty when the server said nothing more.
  PostgresError(std::string state, const std::string& what) : std::runtime_error(what), state_(std::move(state)) {}

  [[nodiscard]] const std::string& state() const { return state_; }
  /// The connection is gone, or the server is ending, starting, or only reads: another connection may help.
  [[nodiscard]] bool lost() const {
    return state_.empty() || state_.starts_with("08") || state_.starts_with("57P") || state_ == "25P03" ||
           state_ == "25006" || state_ == "53300";
  }
  /// Others were in the way (a deadlock, a lock, the same key at the same moment, an administrator who cancelled the
  /// statement): the same again may succeed.
  [[nodiscard]] bool again() const {
    return state_.starts_with("40") || state_ == "55P03" || state_ == "57014" || state_ == "23505";
  }
  /// The server has too little memory, disk or anything else just now.
  [[nodiscard]] bool short_of_room() const { return state_.starts_with("53"); }
  /// No room on the server's disk.
  [[nodiscard]] bool full() const { return state_ == "53100"; }

 private:
  std::string state_;
};

}  // namespace mjwatchd::store::postgres

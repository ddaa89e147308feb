// Turns at downloading: a few at a time, the nearest deadline first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "mjwatchd/time.hpp"

namespace mjwatchd::images {

/// Loop thread only. Bounded by its callers: each order waits for one turn at a time.
class Slots {
 public:
  Slots(std::size_t total, std::size_t per_origin) : total_(total), per_origin_(per_origin) {}

  using Ticket = std::pair<WallTime, std::uint64_t>;
  /// Calls `go` (perhaps at once) when a turn is free; leave() must follow it.
  Ticket enter(WallTime deadline, const std::string& origin, std::function<void()> go);
  /// Waits no longer. Unknown tickets are ignored.
  void forget(const Ticket& ticket) { waiting_.erase(ticket); }
  void leave(const std::string& origin);

 private:
  struct Waiting {
    std::string origin;
    std::function<void()> go;
  };
  void admit();

  std::size_t total_, per_origin_, taken_ = 0;
  std::uint64_t next_ = 0;
  std::map<Ticket, Waiting> waiting_;
  std::map<std::string, std::size_t> by_origin_;
};

}  // namespace mjwatchd::images

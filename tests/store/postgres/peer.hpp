// One of the daemons of a shared watch list, and what it was told.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/store/postgres/server.hpp"
#include "tests/store/state.hpp"

namespace mjwatchd::store::test {

/// Has begun when it is made. The first of a list has its part at once; another one is new for a whole lease, unless
/// `welcome` makes an end of that.
struct Peer {
  explicit Peer(const std::string& url, std::chrono::milliseconds lease = 15s, StoreRules rules = usual_rules());
  ~Peer() { state.close(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Everything of this kind that it was told, in order.
  template <typename Kind>
  [[nodiscard]] std::vector<Kind> heard() const {
    std::vector<Kind> all;
    for (const Event& event : told) {
      if (const auto* one = std::get_if<Kind>(&event)) all.push_back(*one);
    }
    return all;
  }
  /// The number under which it stands among the daemons.
  [[nodiscard]] std::int64_t number() const;

  std::function<void(const std::vector<Event>&)> on_told;
  std::vector<Event> told;
  bool begun = false;  ///< it goes on telling after that
  State state;
};

/// All daemons of the list have their part from now on.
void welcome(const std::string& url);
/// Runs all their loops until `stop` says true; fails the test after 60 s.
void run_until(std::vector<Peer*> peers, const std::function<bool()>& stop);
/// Tries again and again, without running any loop; fails the test after 60 s.
void until(const std::function<bool()>& done);

}  // namespace mjwatchd::store::test

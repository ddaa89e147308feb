// Who has been let in to the page: by the token, or by a link that works once.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::page {

/// Loop thread only. A session is a text that only this could have made: its end, a random number, and an HMAC
/// of both under a key derived from the token. So nothing of it is kept, it outlives a restart of the daemon,
/// and another token ends them all.
class Sessions {
 public:
  static constexpr std::chrono::minutes kLinkLife{5};
  static constexpr std::chrono::days kSessionLife{7};

  explicit Sessions(std::string_view token);

  /// A secret that opens one session within kLinkLife. At most 16 wait to be used; then the oldest is void.
  [[nodiscard]] std::string make_link(WallTime now);
  /// True once for each that was made; it is used up.
  [[nodiscard]] bool use_link(std::string_view secret, WallTime now);

  [[nodiscard]] std::string open(WallTime now) const;
  [[nodiscard]] bool good(std::string_view session, WallTime now) const;
  /// What the page shows besides the cookie. Browsers send cookies to every port of a host, so another program's
  /// page on this machine may be shown ours; the proof is kept where only this origin's scripts reach.
  [[nodiscard]] std::string proof_of(std::string_view session) const;
  [[nodiscard]] bool proves(std::string_view session, std::string_view proof) const;
  /// Signs out: the session is void until this run's end, or its own. The last 1000 are remembered.
  void close(std::string_view session, WallTime now);

 private:
  struct Link {
    std::string digest;
    WallTime until{};
  };
  [[nodiscard]] std::string signature(std::string_view text) const;

  std::string key_;
  std::deque<Link> links_;
  std::deque<std::string> closed_;  ///< sessions
};

/// `bytes` random ones from the system, as hexadecimal digits. Throws when there are none.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace mjwatchd::page

// What single values of the configuration look like: durations, sizes, URLs, address ranges.
// Each parser answers nothing and says in `wrong` what is wrong and what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mjwatchd::config {

using std::chrono::milliseconds;

/// "250ms", "5s", "10m", "24h", "30d". A number without a unit is refused.
[[nodiscard]] std::optional<milliseconds> parse_duration(std::string_view text, std::string& wrong);
/// The shortest text parse_duration() reads back as the same.
[[nodiscard]] std::string write_duration(milliseconds value);

/// "0B", "512KiB", "64MiB", "4GiB", "1TiB". A number without a unit is refused.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text, std::string& wrong);
[[nodiscard]] std::string write_size(std::uint64_t bytes);

struct Url {
  std::string scheme, host, port;
  std::string path;   ///< "/" when there is none
  std::string query;  ///< without the question mark
  bool loopback = false;

  [[nodiscard]] std::string origin() const;  ///< scheme://host[:port]
};

/// An absolute URL without user info and without a fragment.
[[nodiscard]] std::optional<Url> parse_url(const std::string& text, std::string& wrong);

/// "10.0.0.0/8", "fd00::/8"; a lone address is taken as the range of itself. Answers it with its
/// prefix length.
[[nodiscard]] std::optional<std::string> parse_cidr(const std::string& text, std::string& wrong);

/// "127.0.0.1:7780", "[::1]:7780".
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  bool loopback = false;
};
[[nodiscard]] std::optional<HostPort> parse_host_port(const std::string& text, std::string& wrong);

/// The word among `words` that `word` was probably meant to be; empty when none is near.
template <typename Words>
[[nodiscard]] std::string nearest(std::string_view word, const Words& words);

/// How many letters must be changed, added, left out or swapped to make one word the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

template <typename Words>
std::string nearest(std::string_view word, const Words& words) {
  std::string best;
  std::size_t least = word.size() / 3 + 1;  // one slip in a short word, a few in a long one
  for (const auto& candidate : words) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance <= least && (best.empty() || distance < least)) {
      least = distance;
      best = std::string(candidate);
    }
  }
  return best;
}

}  // namespace mjwatchd::config

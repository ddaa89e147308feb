#include "daemon/config/values.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <vector>

namespace mjwatchd::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array<Unit, 5> kTimes{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 5> kSizes{
    {{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};

template <std::size_t N>
std::optional<std::uint64_t> measure(std::string_view text, const std::array<Unit, N>& units, std::uint64_t limit,
                                     std::string_view kind, std::string_view examples, std::string& wrong) {
  const std::string hint = "; write " + std::string(kind) + " like " + std::string(examples);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end == text.data() || error != std::errc{}) {
    wrong = "\"" + std::string(text) + "\" is not " + std::string(kind) + hint;
    return std::nullopt;
  }
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.empty()) {
    wrong = "\"" + std::string(text) + "\" has no unit" + hint;
    return std::nullopt;
  }
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit; });
  if (found == units.end()) {
    wrong = "\"" + std::string(unit) + "\" is not a unit" + hint;
    return std::nullopt;
  }
  if (number > limit / found->factor) {
    wrong = "\"" + std::string(text) + "\" is too large";
    return std::nullopt;
  }
  return number * found->factor;
}

template <std::size_t N>
std::string shortest(std::uint64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value >= unit.factor && value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return "0" + std::string(units.back().name);
}

struct CurlUrlFree {
  void operator()(CURLU* handle) const { curl_url_cleanup(handle); }
};

std::string part(CURLU* handle, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, 0) != CURLUE_OK || text == nullptr) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

bool is_loopback(std::string host) {
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text, std::string& wrong) {
  // A century: far beyond use, and far from any overflow in later sums.
  constexpr std::uint64_t kLimit = 36'525ULL * 86'400'000;
  const auto value = measure(text, kTimes, kLimit, "a duration", "250ms, 5s, 10m, 24h or 30d", wrong);
  if (!value) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(*value));
}

std::string write_duration(milliseconds value) {
  if (value.count() <= 0) return "0s";
  return shortest(static_cast<std::uint64_t>(value.count()), kTimes);
}

std::optional<std::uint64_t> parse_size(std::string_view text, std::string& wrong) {
  constexpr auto kLimit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return measure(text, kSizes, kLimit, "a size", "64KiB, 256MiB or 4GiB", wrong);
}

std::string write_size(std::uint64_t bytes) { return shortest(bytes, kSizes); }

std::string Url::origin() const { return scheme + "://" + host + (port.empty() ? "" : ":" + port); }

std::optional<Url> parse_url(const std::string& text, std::string& wrong) {
  const std::unique_ptr<CURLU, CurlUrlFree> handle(curl_url());
  if (!handle) throw std::bad_alloc();
  const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) {
    wrong = "\"" + text + "\" is not a URL (" + curl_url_strerror(code) + "); write it like https://example.com";
    return std::nullopt;
  }
  // A password must not be echoed, so the text is left out from here on.
  if (!part(handle.get(), CURLUPART_USER).empty() || !part(handle.get(), CURLUPART_PASSWORD).empty()) {
    wrong = "a URL must not hold a user or password; secrets belong into files of their own";
    return std::nullopt;
  }
  if (!part(handle.get(), CURLUPART_FRAGMENT).empty()) {
    wrong = "a URL must not have a fragment (\"#…\"), it is never sent";
    return std::nullopt;
  }
  Url url;
  url.scheme = part(handle.get(), CURLUPART_SCHEME);
  url.host = part(handle.get(), CURLUPART_HOST);
  url.port = part(handle.get(), CURLUPART_PORT);
  url.path = part(handle.get(), CURLUPART_PATH);
  url.query = part(handle.get(), CURLUPART_QUERY);
  if (url.host.empty()) {
    wrong = "the URL names no host; write it like https://example.com";
    return std::nullopt;
  }
  url.loopback = is_loopback(url.host);
  return url;
}

std::optional<std::string> parse_cidr(const std::string& text, std::string& wrong) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  in_addr v4{};
  in6_addr v6{};
  unsigned most = 0;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    most = 32;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) {
    most = 128;
  } else {
    wrong = "\"" + text + "\" is not a range of addresses; write it like 10.0.0.0/8 or fd00::/8";
    return std::nullopt;
  }
  if (slash == std::string::npos) return address + "/" + std::to_string(most);
  const std::string_view length = std::string_view(text).substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (length.empty() || error != std::errc{} || end != length.data() + length.size() || bits > most) {
    wrong = "\"" + text + "\" must end in a prefix length from /0 to /" + std::to_string(most);
    return std::nullopt;
  }
  return text;
}

std::optional<HostPort> parse_host_port(const std::string& text, std::string& wrong) {
  wrong = "\"" + text + "\" is not HOST:PORT; write it like 127.0.0.1:7780 or [::1]:7780";
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  HostPort out;
  out.host = text.substr(0, colon);
  const std::string_view port = std::string_view(text).substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  const bool bracketed = out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']';
  if (bracketed) out.host = out.host.substr(1, out.host.size() - 2);
  in6_addr v6{};
  const bool is_v6 = inet_pton(AF_INET6, out.host.c_str(), &v6) == 1;
  if (bracketed != is_v6) return std::nullopt;
  if (!is_v6 && out.host.find_first_of(":/[]@ \t") != std::string::npos) return std::nullopt;
  out.loopback = is_loopback(out.host);
  wrong.clear();
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Damerau–Levenshtein, restricted; names longer than any key are far from all of them.
  constexpr std::size_t kLongest = 64;
  if (a.size() > kLongest || b.size() > kLongest) return kLongest;
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace mjwatchd::config

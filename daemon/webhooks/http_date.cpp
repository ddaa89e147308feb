#include "daemon/webhooks/http_date.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <string>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::webhooks {
namespace {

// Longer than anyone obeys; keeps milliseconds from overflowing.
constexpr std::chrono::seconds kLongest = std::chrono::days(365);

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now) {
  value = trimmed(value);
  if (value.empty() || value.size() > 64) return std::nullopt;
  if (std::all_of(value.begin(), value.end(), is_digit)) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc::result_out_of_range) return kLongest;
    return std::min(std::chrono::seconds(seconds), kLongest);
  }
  // curl_getdate takes "17" or "12:00" for dates; HTTP's forms all start with the day's name.
  if (is_digit(value.front()) || value.find(' ') == std::string_view::npos) return std::nullopt;
  const std::time_t at = curl_getdate(std::string(value).c_str(), nullptr);
  if (at == -1) return std::nullopt;
  // A year may have any number of digits: it is judged before it is counted in milliseconds.
  if (std::chrono::seconds(at) > std::chrono::ceil<std::chrono::seconds>(now.time_since_epoch()) + kLongest)
    return kLongest;
  const auto wait = WallTime(std::chrono::seconds(at)) - now;
  return std::clamp<milliseconds>(wait, milliseconds(0), kLongest);
}

}  // namespace mjwatchd::webhooks

#include "daemon/gateway/task_fields.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "daemon/gateway/blank.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::gateway {
namespace {

constexpr double kEarliest = 1e12;    // 2001, in ms
constexpr double kLatest = 7.258e12;  // 2200, in ms

constexpr std::array<std::pair<std::string_view, Status>, 18> kStatuses{{
    {"NOT_START", Status::not_start},
    {"SUBMITTED", Status::submitted},
    {"MODAL", Status::modal},
    {"IN_PROGRESS", Status::in_progress},
    {"PROCESSING", Status::in_progress},
    {"SUCCESS", Status::success},
    {"SUCCEED", Status::success},
    {"SUCCEEDED", Status::success},
    {"FINISHED", Status::success},
    {"COMPLETED", Status::success},
    {"FAILURE", Status::failure},
    {"FAILED", Status::failure},
    {"FAIL", Status::failure},
    {"CANCEL", Status::cancel},
    {"CANCELED", Status::cancel},
    {"CANCELLED", Status::cancel},
    {"NOT_STARTED", Status::not_start},
    {"INPROGRESS", Status::in_progress},
}};

bool believable(double ms) { return ms >= kEarliest && ms <= kLatest; }

std::string_view characters(const Json* value) {
  const bool word = value != nullptr && (value->is(Json::Kind::string) || value->is(Json::Kind::number));
  return word ? trimmed(value->text) : std::string_view();
}

std::optional<double> number(std::string_view text) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Reads exactly `count` digits at `at` and moves it behind them.
std::optional<int> digits(std::string_view text, std::size_t& at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i, ++at) {
    if (!is_digit(text[at])) return std::nullopt;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool skip(std::string_view text, std::size_t& at, std::string_view one_of) {
  if (at >= text.size() || one_of.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

/// "Z", "+08:00", "+0800" or "+08", to the end of the text.
std::optional<std::chrono::minutes> zone(std::string_view text, std::size_t at) {
  skip(text, at, " ");
  if (skip(text, at, "Zz")) return at == text.size() ? std::optional(std::chrono::minutes(0)) : std::nullopt;
  const bool west = at < text.size() && text[at] == '-';
  if (!skip(text, at, "+-")) return std::nullopt;
  const auto hours = digits(text, at, 2);
  if (!hours) return std::nullopt;
  skip(text, at, ":");
  const auto minutes = at == text.size() ? std::optional(0) : digits(text, at, 2);
  if (!minutes || at != text.size()) return std::nullopt;
  const std::chrono::minutes offset{*hours * 60 + *minutes};
  return west ? -offset : offset;
}

milliseconds fraction(std::string_view text, std::size_t& at) {
  int value = 0;
  int scale = 100;
  if (!skip(text, at, ".,")) return milliseconds(0);
  for (; at < text.size() && is_digit(text[at]); ++at, scale /= 10) value += scale * (text[at] - '0');
  return milliseconds(value);
}

std::optional<WallTime> iso_time(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  std::size_t at = 0;
  const auto year = digits(text, at, 4);
  if (!year || !skip(text, at, "-")) return std::nullopt;
  const auto month = digits(text, at, 2);
  if (!month || !skip(text, at, "-")) return std::nullopt;
  const auto day = digits(text, at, 2);
  if (!day || !skip(text, at, "Tt ")) return std::nullopt;
  const auto hour = digits(text, at, 2);
  if (!hour || !skip(text, at, ":")) return std::nullopt;
  const auto minute = digits(text, at, 2);
  if (!minute) return std::nullopt;
  std::optional<int> second = 0;
  if (skip(text, at, ":")) second = digits(text, at, 2);
  if (!second) return std::nullopt;
  const milliseconds part = fraction(text, at);
  const auto offset = zone(text, at);
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !date.ok() || *hour > 24 || *minute > 59 || *second > 60) return std::nullopt;
  const WallTime when = WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
                        std::chrono::minutes(*minute) + std::chrono::seconds(*second) + part - *offset;
  return believable(static_cast<double>(when.time_since_epoch().count())) ? std::optional(when) : std::nullopt;
}

}  // namespace

Status read_status(const Json* value) {
  if (value == nullptr || !value->is(Json::Kind::string) || value->text.size() > 64) return Status::unknown;
  std::string word(trimmed(value->text));
  for (char& c : word) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == ' ' || c == '-') c = '_';
  }
  std::string_view rest = word;
  if (constexpr std::string_view kPrefix = "TASK_STATUS_"; rest.starts_with(kPrefix))
    rest.remove_prefix(kPrefix.size());
  for (const auto& [name, status] : kStatuses) {
    if (rest == name) return status;
  }
  return Status::unknown;
}

std::optional<std::uint8_t> read_progress(const Json* value) {
  std::string_view text = characters(value);
  if (text.size() > 256) return std::nullopt;
  if (const auto percent = text.find('%'); percent != std::string_view::npos) {
    text = trimmed(text.substr(0, percent));
    const auto start = text.find_last_not_of("0123456789.");
    if (start != std::string_view::npos) {
      if (text[start] == '-') return std::nullopt;
      text.remove_prefix(start + 1);
    }
  }
  const auto said = number(text);
  if (!said || *said < 0 || *said > 100) return std::nullopt;
  return static_cast<std::uint8_t>(*said);
}

std::optional<WallTime> read_time(const Json* value) {
  const std::string_view text = characters(value);
  const auto said = number(text);
  if (!said) return iso_time(text);
  double ms = *said;
  if (ms < 1e11) ms *= 1000;  // 1e11 s lies beyond the year 5000, 1e11 ms in 1973
  while (ms > 1e14) ms /= 1000;
  if (!believable(ms)) return std::nullopt;
  return WallTime(milliseconds(std::llround(ms)));
}

std::string read_word(const Json* value) { return std::string(characters(value)); }

bool says_nothing(std::string_view key, const Json& value) {
  if (value.empty()) return true;
  return is_time(key) && number(characters(&value)) == 0.0;
}

}  // namespace mjwatchd::gateway

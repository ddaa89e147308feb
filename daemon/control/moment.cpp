#include "daemon/control/moment.hpp"

#include <charconv>

#include "daemon/config/values.hpp"
#include "daemon/control/problem.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::control {
namespace {

/// Takes digits and marks off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    if (rest_.size() < count) good_ = false;
    for (std::size_t i = 0; i < count && good_; ++i) {
      const char c = rest_[i];
      good_ = is_digit(c);
      value = value * 10 + (c - '0');
    }
    if (good_) rest_.remove_prefix(count);
    return good_ ? value : 0;
  }
  bool skip(std::string_view marks) {
    const bool found = good_ && !rest_.empty() && marks.find(rest_.front()) != std::string_view::npos;
    if (found) rest_.remove_prefix(1);
    return found;
  }
  void need(std::string_view marks) { good_ = skip(marks) && good_; }
  /// A fraction of a second as milliseconds; further digits are dropped.
  int fraction() {
    int value = 0;
    std::size_t seen = 0;
    while (good_ && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      if (seen < 3) value = value * 10 + (rest_.front() - '0');
      ++seen;
      rest_.remove_prefix(1);
    }
    good_ = good_ && seen > 0 && seen < 20;
    for (; seen < 3; ++seen) value *= 10;
    return value;
  }
  [[nodiscard]] char front() const { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] bool finished() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::optional<WallTime> parse_iso(std::string_view text) {
  Scanner in(text);
  const std::chrono::year year(in.digits(4));
  in.need("-");
  const std::chrono::month month(static_cast<unsigned>(in.digits(2)));
  in.need("-");
  const std::chrono::day day(static_cast<unsigned>(in.digits(2)));
  in.need("Tt ");
  const int hour = in.digits(2);
  in.need(":");
  const int minute = in.digits(2);
  in.need(":");
  const int second = in.digits(2);
  const int thousandths = in.skip(".,") ? in.fraction() : 0;
  int offset_minutes = 0;
  if (!in.skip("Zz")) {
    const int sign = in.front() == '-' ? -1 : 1;
    in.need("+-");
    const int hours = in.digits(2);
    in.need(":");
    offset_minutes = sign * (hours * 60 + in.digits(2));
  }
  const std::chrono::year_month_day date(year, month, day);
  if (!in.finished() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute - offset_minutes) + std::chrono::seconds(second) + milliseconds(thousandths);
}

}  // namespace

std::optional<WallTime> parse_moment(const Json& value, WallTime now, std::string& wrong) {
  wrong =
      "must be a time such as \"2026-11-23T13:08:00Z\", a duration before now such as \"2h\", or milliseconds since "
      "1970";
  if (value.is(Json::Kind::number)) {
    std::int64_t number = 0;
    const auto* const end = value.text.data() + value.text.size();
    const auto [stop, error] = std::from_chars(value.text.data(), end, number);
    constexpr std::int64_t kYear9999 = 253'402'300'799'999;
    if (error != std::errc{} || stop != end || number < 0 || number > kYear9999) return std::nullopt;
    return WallTime(milliseconds(number));
  }
  if (!value.is(Json::Kind::text) || value.text.size() > 40) return std::nullopt;
  if (const auto moment = parse_iso(value.text)) return moment;
  std::string no_duration;
  if (const auto ago = config::parse_duration(value.text, no_duration)) return now - *ago;
  return std::nullopt;
}

}  // namespace mjwatchd::control

#include "daemon/control/parameters.hpp"

#include <algorithm>
#include <charconv>

#include "daemon/config/values.hpp"
#include "daemon/control/moment.hpp"
#include "daemon/control/receiver_wish.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

constexpr std::int64_t kMostAtOnce = 1000;

template <typename Enum>
std::vector<std::string> words_of(Enum last) {
  std::vector<std::string> out;
  for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) out.emplace_back(name(static_cast<Enum>(i)));
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<std::string_view> Parameters::given(std::string_view name) const {
  return wrong_ ? std::nullopt : request_.param(name);
}

void Parameters::refuse(std::string_view name, const std::string& what) {
  if (wrong_) return;
  wrong_ = Problem{400, "?" + std::string(name) + "=: " + what, {}, {}};
  wrong_->with("parameter", name);
}

Parameters& Parameters::only(const std::vector<std::string>& allowed) {
  for (std::size_t i = 0; i < request_.query.size() && !wrong_; ++i) {
    const auto& name = request_.query[i].first;
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      wrong_ = Problem{400,
                       in_quotes(name) + " is no parameter of this call; " +
                           (allowed.empty() ? "it has none" : "there is " + listed(allowed)) + meant(name, allowed),
                       {},
                       {}};
    }
    for (std::size_t before = 0; before < i; ++before) {
      if (request_.query[before].first == name) refuse(name, "is given twice");
    }
  }
  return *this;
}

std::string Parameters::text(std::string_view name) {
  const auto value = given(name);
  return value ? std::string(*value) : std::string();
}

std::optional<bool> Parameters::truth(std::string_view name) {
  const auto value = given(name);
  if (!value) return std::nullopt;
  if (*value == "true" || *value == "1") return true;
  if (*value == "false" || *value == "0") return false;
  refuse(name, in_quotes(*value) + " must be true or false");
  return std::nullopt;
}

std::size_t Parameters::limit() {
  const auto value = given("limit");
  if (!value) return 100;
  const auto number = parse_number(*value);
  if (number && *number >= 1 && *number <= kMostAtOnce) return static_cast<std::size_t>(*number);
  refuse("limit", in_quotes(*value) + " must be a number from 1 to 1000");
  return 100;
}

std::int64_t Parameters::cursor() {
  const auto value = given("cursor");
  if (!value) return 0;
  const auto number = parse_number(*value);
  if (number && *number > 0) return *number;
  refuse("cursor", in_quotes(*value) + " must be the next_cursor of the page before");
  return 0;
}

std::optional<milliseconds> Parameters::duration(std::string_view name) {
  const auto value = given(name);
  if (!value) return std::nullopt;
  std::string wrong;
  const auto duration = value->size() > 40 ? std::nullopt : config::parse_duration(*value, wrong);
  if (duration && *duration <= std::chrono::days(1)) return duration;
  refuse(name, wrong.empty() ? in_quotes(*value) + " must be a duration up to 24h, such as 30s" : wrong);
  return std::nullopt;
}

std::optional<Status> Parameters::status() {
  const auto value = given("status");
  if (!value) return std::nullopt;
  const auto status = parse_status(*value);
  const auto all = words_of(Status::cancel);
  if (!status) refuse("status", in_quotes(*value) + " is no status; there is " + listed(all) + meant(*value, all));
  return status;
}

std::optional<DeliveryState> Parameters::delivery_state() {
  const auto value = given("state");
  if (!value) return std::nullopt;
  const auto state = parse_delivery_state(*value);
  const auto all = words_of(DeliveryState::superseded);
  if (!state) refuse("state", in_quotes(*value) + " is no state; there is " + listed(all) + meant(*value, all));
  return state;
}

std::vector<std::string> Parameters::words(std::string_view name) {
  constexpr std::size_t kLongest = 200, kMost = 8;
  auto rest = given(name).value_or("");
  std::vector<std::string> out;
  if (rest.size() > kLongest) {
    refuse(name, "has " + std::to_string(rest.size()) + " bytes; 200 are allowed");
    return out;
  }
  while (true) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n"), rest.size()));
    if (rest.empty()) return out;
    out.emplace_back(rest.substr(0, rest.find_first_of(" \t\n")));
    rest.remove_prefix(out.back().size());
    if (out.size() <= kMost) continue;
    refuse(name, "has more than eight words");
    return {};
  }
}

std::optional<WallTime> Parameters::moment(std::string_view name, WallTime now) {
  const auto value = given(name);
  if (!value) return std::nullopt;
  Json json;
  json.kind = parse_number(*value) ? Json::Kind::number : Json::Kind::text;
  json.text = *value;
  std::string wrong;
  const auto moment = parse_moment(json, now, wrong);
  if (!moment) refuse(name, in_quotes(*value) + " " + wrong);
  return moment;
}

std::vector<Ending> Parameters::endings() {
  std::vector<Ending> out;
  auto rest = given("ending").value_or("");
  while (!rest.empty()) {
    const auto word = rest.substr(0, rest.find(','));
    const auto ending = parse_ending(word);
    if (!ending || *ending == Ending::none) {
      auto all = words_of(Ending::lost);
      all.erase(all.begin());  // none
      refuse("ending", in_quotes(word) + " is no ending; there is " + listed(all) + meant(word, all));
      return {};
    }
    out.push_back(*ending);
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  return out;
}

EventMask Parameters::types() {
  const auto value = given("type");
  if (!value || value->empty()) return ~EventMask{0};
  EventMask mask = 0;
  auto rest = *value;
  while (true) {
    const auto word = rest.substr(0, rest.find(','));
    const auto type = parse_event_type(word);
    if (!type) {
      auto all = event_names();
      all.emplace_back(name(EventType::test));
      refuse("type", in_quotes(word) + " is no event type; there is " + listed(all) + meant(word, all));
      return mask;
    }
    mask |= mask_of(*type);
    if (word.size() == rest.size()) return mask;
    rest.remove_prefix(word.size() + 1);
  }
}

TaskQuery task_query(Parameters& from, WallTime now) {
  TaskQuery query;
  query.gateway = from.text("gateway");
  query.status = from.status();
  query.active = from.truth("active");
  query.words = from.words("q");
  query.since = from.moment("since", now);
  query.until = from.moment("until", now);
  query.endings = from.endings();
  query.stalled = from.truth("stalled").value_or(false);
  query.pictures = from.truth("pictures").value_or(false);
  query.limit = from.limit();
  query.after = from.cursor();
  return query;
}

DeliveryQuery delivery_query(Parameters& from) {
  DeliveryQuery query;
  query.state = from.delivery_state();
  query.endpoint = from.text("endpoint");
  query.id = from.text("task");
  query.gateway = from.text("gateway");
  query.limit = from.limit();
  query.after = from.cursor();
  return query;
}

}  // namespace mjwatchd::control

#include "daemon/standin/misbehaviour.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "daemon/standin/duration.hpp"
#include "daemon/standin/script.hpp"

namespace mjwatchd::standin {

namespace {

std::optional<double> parse_rate(std::string_view text) {
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(rate >= 0 && rate <= 1)) return std::nullopt;
  return rate;
}

[[noreturn]] void refuse(std::string_view item, const std::string& why) {
  throw std::invalid_argument("misbehaviour \"" + std::string(item) + "\": " + why);
}

const Vice* find_vice(std::string_view name) {
  const auto& all = vices();
  const auto found = std::find_if(all.begin(), all.end(), [name](const Vice& vice) { return vice.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<Vice>& vices() {
  using enum Vice::Takes;
  static const std::vector<Vice> all{
      {"wrapped", rate, "replies come as {\"code\":0,\"data\":…}"},
      {"absent", rate, "tasks are left out of a batch reply now and then"},
      {"lose", id_or_rate, "tasks vanish for good: one id, or this share of them"},
      {"poison", id, "a batch with this id is refused with 400"},
      {"nobatch", nothing, "list-by-condition answers 404"},
      {"401", rate, "calls are refused as unauthorized"},
      {"403", rate, "calls are refused as forbidden, with an HTML body"},
      {"429", rate, "calls are refused as too many, with Retry-After: 2"},
      {"500", rate, "calls fail with {\"code\":5}"},
      {"502", rate, "calls fail as behind a proxy whose server is down"},
      {"html", rate, "calls answer 200 with an HTML page"},
      {"hang", rate, "calls are never answered"},
      {"slow", duration, "every answer waits so long"},
      {"no-progress", nothing, "progress is always empty while a task runs"},
      {"stall93", duration, "new tasks stand still at 93% for so long"},
      {"modal", duration, "new tasks wait in MODAL for so long, then go on"},
      {"numbers", nothing, "ids in replies are numbers, where they can be"},
      {"seconds", nothing, "times are in seconds"},
      {"strings", nothing, "properties and buttons are JSON in a string"},
      {"lower", nothing, "status words are in lower case"},
      {"cut", rate, "picture bodies end early, with a Content-Length that hides it, and the connection closes"},
      {"expired", nothing, "picture links have expired when they are given out"},
      {"nocdn", rate, "picture links answer 404; only PREFIX/image/ID works"},
      {"seed-late", duration, "a seed is found only so long after the end"},
      {"restart", duration, "so long after this is set, all tasks are forgotten, once"},
  };
  return all;
}

std::string describe_vices() {
  std::string text;
  for (const auto& vice : vices()) {
    std::string left = "  " + std::string(vice.name);
    switch (vice.takes) {
      case Vice::Takes::rate:
        left += "[:RATE]";
        break;
      case Vice::Takes::duration:
        left += ":TIME";
        break;
      case Vice::Takes::id_or_rate:
        left += ":ID|RATE";
        break;
      case Vice::Takes::id:
        left += ":ID";
        break;
      case Vice::Takes::nothing:
        break;
    }
    left.resize(std::max<std::size_t>(left.size() + 1, 20), ' ');
    text += left + std::string(vice.help) + "\n";
  }
  return text;
}

void Misbehaviour::add(Rules& rules, std::string_view item) {
  const auto colon = item.find(':');
  const auto name = item.substr(0, colon);
  const auto argument = colon == std::string_view::npos ? std::string_view{} : item.substr(colon + 1);
  const Vice* vice = find_vice(name);
  if (vice == nullptr) refuse(item, "no such kind; --help lists them");
  const bool by_id = vice->takes == Vice::Takes::id || vice->takes == Vice::Takes::id_or_rate;
  auto& rule = rules.try_emplace(std::string(name), Rule{by_id ? 0.0 : 1.0, {}, {}}).first->second;
  switch (vice->takes) {
    case Vice::Takes::nothing:
      if (!argument.empty()) refuse(item, "takes no argument");
      break;
    case Vice::Takes::duration: {
      const auto time = parse_duration(argument);
      if (!time) refuse(item, "needs a time such as 500ms or 60s");
      rule.duration = *time;
      break;
    }
    case Vice::Takes::rate: {
      const auto rate = argument.empty() ? std::optional(1.0) : parse_rate(argument);
      if (!rate) refuse(item, "needs a rate from 0 to 1");
      rule.rate = *rate;
      break;
    }
    case Vice::Takes::id:
    case Vice::Takes::id_or_rate:
      if (argument.empty()) refuse(item, "needs an id");
      // A rate has a point or is "0" or "1"; everything else is an id.
      if (vice->takes == Vice::Takes::id_or_rate && parse_rate(argument)) {
        rule.rate = *parse_rate(argument);
      } else {
        rule.ids.emplace(argument);
      }
      break;
  }
}

void Misbehaviour::set(std::string_view list) {
  Rules rules;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    auto item = list.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) add(rules, item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  rules_ = std::move(rules);
}

bool Misbehaviour::strikes(std::string_view name) {
  const auto rule = rules_.find(name);
  if (rule == rules_.end()) return false;
  return static_cast<double>(random_() >> 11U) * 0x1.0p-53 < rule->second.rate;
}

bool Misbehaviour::strikes_id(std::string_view name, std::string_view id) const {
  const auto rule = rules_.find(name);
  if (rule == rules_.end()) return false;
  if (rule->second.ids.contains(id)) return true;
  return static_cast<double>(digest(id, digest(name)) >> 11U) * 0x1.0p-53 < rule->second.rate;
}

std::optional<milliseconds> Misbehaviour::duration(std::string_view name) const {
  const auto rule = rules_.find(name);
  if (rule == rules_.end()) return std::nullopt;
  return rule->second.duration;
}

}  // namespace mjwatchd::standin

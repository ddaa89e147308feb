#include "daemon/control/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::control {
namespace {

/// If-None-Match compares weakly (RFC 9110, 13.1.2). An entity tag may hold a comma, but ours do not.
bool names(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    auto one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    one = trimmed(one);
    if (one == "*") return true;
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag) return true;
  }
  return false;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

RangeVerdict whole(std::uint64_t size) { return {RangeVerdict::Kind::whole, 0, size}; }

RangeVerdict part(std::uint64_t first, std::uint64_t last, std::uint64_t size) {
  if (first >= size) return {RangeVerdict::Kind::unsatisfiable, 0, 0};
  return {RangeVerdict::Kind::part, first, std::min(last, size - 1) - first + 1};
}

}  // namespace

RangeVerdict judge_range(const RangeWish& wish, std::string_view etag, std::uint64_t size) {
  if (names(wish.if_none_match, etag)) return {RangeVerdict::Kind::not_modified, 0, 0};
  constexpr std::string_view kUnit = "bytes=";
  auto range = trimmed(wish.range);
  // A date in If-Range never matches: files are known by their digest here, not by a time.
  const bool changed = !wish.if_range.empty() && trimmed(wish.if_range) != etag;
  if (changed || !range.starts_with(kUnit)) return whole(size);
  range = trimmed(range.substr(kUnit.size()));
  const auto dash = range.find('-');
  if (dash == std::string_view::npos || range.find(',') != std::string_view::npos) return whole(size);
  const auto from = range.substr(0, dash), to = range.substr(dash + 1);
  const auto first = number(from), last = number(to);
  if (from.empty()) {  // the last so many bytes
    if (!last) return whole(size);
    if (*last == 0) return {RangeVerdict::Kind::unsatisfiable, 0, 0};
    return part(size - std::min(*last, size), UINT64_MAX, size);
  }
  if (!first || (!to.empty() && !last) || (last && *last < *first)) return whole(size);
  return part(*first, last.value_or(UINT64_MAX), size);
}

}  // namespace mjwatchd::control

#include "daemon/standin/duration.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace mjwatchd::standin {

namespace {

/// The number in front, and the unit after it. Fractions ("1.5s") are allowed.
std::optional<std::pair<double, std::string_view>> split(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0)) return std::nullopt;
  return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
      {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}}};
  constexpr double kMost = 100 * 366 * 8.64e7;
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  for (const auto& [unit, factor] : kUnits) {
    if (parts->second != unit) continue;
    const double value = parts->first * factor;
    if (value > kMost) return std::nullopt;
    return milliseconds(static_cast<std::int64_t>(value + 0.5));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 7> kUnits{
      {{"B", 1}, {"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}}};
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  for (const auto& [unit, factor] : kUnits) {
    if (parts->second != unit) continue;
    const double value = parts->first * factor;
    if (value > 1e15) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}

}  // namespace mjwatchd::standin

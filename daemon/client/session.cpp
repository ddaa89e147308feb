#include "daemon/client/session.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::client {

std::string query(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) out += (out.empty() ? "?" : "&") + name + "=" + percent_encoded(value);
  }
  return out;
}

std::string task_path(const std::string& id, const std::string& gateway, const std::string& tail) {
  return "/v1/tasks/" + percent_encoded(id) + tail + query({{"gateway", gateway}});
}

long long parse_duration_ms(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  long long factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  if (error != std::errc{} || factor == 0 || !(number >= 0 && number <= 1e9)) {
    throw Trouble(Exit::usage, "\"" + text + "\" is not a duration: write 250ms, 5s, 10m, 24h or 30d");
  }
  return std::llround(number * static_cast<double>(factor));
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Trouble(Exit::error, "cannot write to standard output");
  }
}

}  // namespace mjwatchd::client

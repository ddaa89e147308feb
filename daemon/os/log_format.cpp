#include "daemon/os/log_format.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "mjwatchd/ascii.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::os {
namespace {

// Below the 200 KiB of a default socket buffer, above anything a person reads.
constexpr std::size_t kLongest = 32U << 10;

std::string iso8601(std::chrono::system_clock::time_point at) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(at);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(at - whole).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "?";
  std::array<char, 32> date{};
  if (std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts) == 0) return "?";
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(millis));
  return std::string(date.data()) + fraction.data();
}

bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

// U+0080 to U+009F are control characters too, and some terminals obey them.
bool is_c1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
}

std::string plain(std::string_view text) {
  std::string out;
  const bool cut = text.size() > kLongest;
  text = text.substr(0, kLongest);
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (size == 0 || (size == 1 && is_control(byte))) {
      out += "\\x";
      append_hex(out, byte);
    } else if (is_c1(text.substr(0, size))) {
      out += "\\u00";
      append_hex(out, static_cast<unsigned char>(text[1]));
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return cut ? out + "…" : out;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  const bool cut = text.size() > kLongest;
  text = text.substr(0, kLongest);
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (size == 0) {
      out += kReplacement;
    } else if (size == 1 && is_control(byte)) {
      out += "\\u00";
      append_hex(out, byte);
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text.front();
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out + (cut ? "…\"" : "\"");
}

// syslog(3): 3 error, 4 warning, 6 information, 7 debug.
int priority(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return 7;
    case spdlog::level::warn:
      return 4;
    case spdlog::level::err:
      return 3;
    case spdlog::level::critical:
      return 2;
    default:
      return 6;
  }
}

struct FieldName {
  std::string_view word, key, field;
};

std::array<std::pair<FieldName, std::string_view>, 4> fields(const About& about) {
  return {{{{"task", "task_id", "TASK_ID"}, about.task},
           {{"gateway", "gateway", "GATEWAY"}, about.gateway},
           {{"endpoint", "endpoint", "ENDPOINT"}, about.endpoint},
           {{"delivery", "delivery_id", "DELIVERY_ID"}, about.delivery}}};
}

}  // namespace

std::string without_secrets(std::string_view text) {
  std::string out;
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://")) {
    at += 3;
    out += text.substr(0, at);
    text.remove_prefix(at);
    const std::string_view url = text.substr(0, text.find_first_of(" \t\r\n\"'<>()"));
    const std::string_view host = url.substr(0, url.find_first_of("/?#"));
    const std::size_t user = host.rfind('@');
    const std::size_t begin = user == std::string_view::npos ? 0 : user + 1;
    const std::size_t query = url.find_first_of("?#");
    out += url.substr(begin, query == std::string_view::npos ? query : query - begin);
    if (query != std::string_view::npos) out += "?…";
    text.remove_prefix(url.size());
  }
  return out + std::string(text);
}

std::string_view level_word(spdlog::level::level_enum level) {
  static constexpr std::array<std::string_view, 7> kWords{"trace", "debug", "info", "warn", "error", "critical", "off"};
  const auto at = static_cast<std::size_t>(level);
  return at < kWords.size() ? kWords[at] : "info";
}

std::string text_line(std::chrono::system_clock::time_point at, spdlog::level::level_enum level, std::string_view text,
                      const About& about) {
  std::string out = iso8601(at) + " " + std::string(level_word(level)) + " " + plain(text);
  for (const auto& [name, value] : fields(about)) {
    if (!value.empty() && text.find(value) == std::string_view::npos)
      out += " " + std::string(name.word) + "=" + plain(value);
  }
  return out + "\n";
}

std::string json_line(std::chrono::system_clock::time_point at, spdlog::level::level_enum level, std::string_view text,
                      const About& about) {
  std::string out = R"({"time":")" + iso8601(at) + R"(","level":")" + std::string(level_word(level)) +
                    R"(","message":)" + json_text(text);
  for (const auto& [name, value] : fields(about)) {
    if (!value.empty()) out += ",\"" + std::string(name.key) + "\":" + json_text(value);
  }
  return out + "}\n";
}

std::string journal_datagram(std::string_view identifier, spdlog::level::level_enum level, std::string_view text,
                             const About& about) {
  std::string out = "MESSAGE=" + plain(text) + "\nPRIORITY=" + std::to_string(priority(level)) +
                    "\nSYSLOG_IDENTIFIER=" + std::string(identifier) + "\n";
  for (const auto& [name, value] : fields(about)) {
    if (!value.empty()) out += std::string(name.field) + "=" + plain(value) + "\n";
  }
  return out;
}

std::string prefixed_line(spdlog::level::level_enum level, std::string_view text) {
  return "<" + std::to_string(priority(level)) + ">" + plain(text) + "\n";
}

}  // namespace mjwatchd::os

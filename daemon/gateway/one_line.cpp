#include "daemon/gateway/one_line.hpp"

#include <algorithm>

#include "daemon/gateway/blank.hpp"
#include "daemon/gateway/envelope.hpp"
#include "mjwatchd/ascii.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::gateway {
namespace {

constexpr std::size_t kLongestWords = 120;
constexpr std::size_t kReadable = 4096;        // of a page: far behind any title
constexpr std::size_t kErrorBody = 64U << 10;  // of JSON: no error is longer
constexpr std::string_view kCut = "…";

bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  return first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;  // C1: terminals obey them
}

std::string shown(std::string_view sequence) {
  if (sequence.empty()) return std::string(kReplacement);
  if (!is_control(sequence)) return std::string(sequence);
  std::string escaped = "\\x";
  append_hex(escaped, static_cast<unsigned char>(sequence.back()));
  return escaped;
}

std::string page_title(std::string_view page) {
  const std::string small = lower(page);
  const auto open = small.find("<title");
  const auto start = open == std::string::npos ? open : small.find('>', open);
  const auto end = start == std::string::npos ? start : small.find("</title", start);
  if (end == std::string::npos) return "an HTML page";
  return "an HTML page: " + std::string(trimmed(page.substr(start + 1, end - start - 1)));
}

}  // namespace

std::string one_line(std::string_view text, std::size_t most) {
  text = trimmed(text);
  std::string out;
  std::size_t safe = 0;  // where a cut leaves room for its mark
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string piece = shown(text.substr(0, length));
    if (out.size() + piece.size() > most) {
      out.resize(safe);
      return most < kCut.size() ? out : out + std::string(kCut);
    }
    out += piece;
    if (out.size() + kCut.size() <= most) safe = out.size();
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string without_secret(std::string text, std::string_view secret) {
  if (secret.empty()) return text;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
  return text;
}

std::string describe_body(std::string_view body) {
  body = trimmed(body);
  if (body.empty()) return "an empty body";
  if (body.front() == '<') return one_line(page_title(body.substr(0, kReadable)), kLongestWords);
  if (body.front() == '{' && body.size() <= kErrorBody) {
    const auto json = parse_json(body);
    const std::string words = json ? complaint(*json) : std::string();
    if (!words.empty()) return one_line(words, kLongestWords);
  }
  return "\"" + one_line(body.substr(0, kReadable), kLongestWords - 2) + "\"";
}

}  // namespace mjwatchd::gateway

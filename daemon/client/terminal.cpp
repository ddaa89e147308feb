#include "daemon/client/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace mjwatchd::client {

namespace {

/// Bytes of the code point at `at`, and its value; a bad byte counts alone.
std::size_t code_point(std::string_view text, std::size_t at, char32_t& value) {
  const auto first = static_cast<unsigned char>(text[at]);
  std::size_t size = 1;
  if (first >= 0xF0) {
    size = 4;
  } else if (first >= 0xE0) {
    size = 3;
  } else if (first >= 0xC0) {
    size = 2;
  }
  value = first;
  if (size == 1 || at + size > text.size()) return 1;
  value = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) value = value << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return size;
}

bool wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

}  // namespace

Terminal standard_output() {
  Terminal terminal;
  terminal.interactive = ::isatty(STDOUT_FILENO) == 1;
  if (!terminal.interactive) return terminal;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  terminal.colours = (no_color == nullptr || *no_color == '\0') && term != nullptr && std::string_view(term) != "dumb";
  winsize size{};
  terminal.width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  return terminal;
}

std::string coloured(const Terminal& terminal, Colour colour, std::string_view text) {
  if (!terminal.colours || colour == Colour::plain) return std::string(text);
  const char* code = "";
  switch (colour) {
    case Colour::green:
      code = "32";
      break;
    case Colour::red:
      code = "31";
      break;
    case Colour::yellow:
      code = "33";
      break;
    case Colour::cyan:
      code = "36";
      break;
    case Colour::dim:
      code = "2";
      break;
    case Colour::plain:
      break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

Colour colour_of(std::string_view state) {
  if (state == "SUCCESS" || state == "succeeded" || state == "delivered" || state == "enabled") return Colour::green;
  if (state == "FAILURE" || state == "failed" || state == "dead" || state == "lost" || state == "expired")
    return Colour::red;
  if (state == "MODAL" || state == "CANCEL" || state == "cancelled" || state == "held" || state == "disabled")
    return Colour::yellow;
  if (state == "IN_PROGRESS" || state == "pending" || state == "saving") return Colour::cyan;
  return Colour::plain;
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = 0;
    at += code_point(text, at, c);
    count += wide(c) ? 2 : 1;
  }
  return count;
}

std::string fit(std::string_view text, std::size_t most) {
  if (columns(text) <= most) return std::string(text);
  if (most == 0) return {};
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = 0;
    const auto size = code_point(text, at, c);
    const std::size_t takes = wide(c) ? 2 : 1;
    if (used + takes > most - 1) break;
    out.append(text.substr(at, size));
    used += takes;
    at += size;
  }
  return out + "…";
}

std::string harmless(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = 0;
    const auto size = code_point(text, at, c);
    const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
    if (control) {
      out += c == '\n' || c == '\t' ? " " : "?";
    } else {
      out.append(text.substr(at, size));
    }
    at += size;
  }
  return out;
}

}  // namespace mjwatchd::client

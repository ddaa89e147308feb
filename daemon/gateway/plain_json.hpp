// JSON as it mostly is, looked at where it stands: what both that read it without trees go by.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <exception>
#include <optional>
#include <string_view>

namespace mjwatchd::gateway {

/// Leads to the tree, which knows what to make of it.
struct NotPlain : std::exception {};

/// Bytes of a task's object; larger ones are the tree's.
inline constexpr std::size_t kMostPlain = 1U << 20;

/// A member's name as it was sent, if nothing is escaped in it. The parser has found the quote that ends it.
[[nodiscard]] inline std::optional<std::string_view> plain_key(simdjson::ondemand::field& field) {
  const char* const begin = field.key().raw();
  const char* end = begin;
  while (*end != '"' && *end != '\\') ++end;
  if (*end != '"') return std::nullopt;
  return std::string_view(begin, static_cast<std::size_t>(end - begin));
}

}  // namespace mjwatchd::gateway

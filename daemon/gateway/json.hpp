// A gateway's JSON as a tree that loses nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::gateway {

/// A JSON value. Numbers stay the characters that were sent, so that no digit of an id, a seed or a
/// time is lost; members keep their order, and doubles among them.
struct Json {
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  std::string text;               ///< string: decoded; number: as written; boolean: "true" or "false"
  std::vector<std::string> keys;  ///< object: the name of each of `items`
  std::vector<Json> items;        ///< array, object

  [[nodiscard]] bool is(Kind what) const { return kind == what; }
  /// The last member of that name (as other parsers take it), or null when this is no object or has none.
  [[nodiscard]] const Json* find(std::string_view key) const;
  /// The first of these names that is there and not empty(); else the first that is there.
  [[nodiscard]] const Json* find(std::initializer_list<std::string_view> spellings) const;
  /// null, "", [] and {}: says nothing.
  [[nodiscard]] bool empty() const;
};

/// Bounds of what is read: a reply beyond them is none.
struct JsonBounds {
  std::size_t bytes = 32U << 20;
  std::size_t depth = 64;
  std::size_t values = 500'000;  ///< some 90 bytes of memory each
};

/// Reads one JSON text. Forgives what can be forgiven without guessing: a byte order mark, bytes
/// that are no UTF-8 and halves of surrogate pairs (U+FFFD instead), bare control characters in
/// strings. Nothing when it is not JSON or beyond a bound; then `error`, if given, says why and where.
[[nodiscard]] std::optional<Json> parse_json(std::string_view text, std::string* error = nullptr,
                                             const JsonBounds& bounds = {});

/// Compact text, the numbers as they were read.
[[nodiscard]] std::string write_json(const Json& value);

}  // namespace mjwatchd::gateway

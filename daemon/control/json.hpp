// JSON as clients send it, every number kept as it was written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::control {

/// One value and what is in it.
struct Json {
  enum class Kind { null, truth, number, text, array, object };
  Kind kind = Kind::null;
  bool truth = false;
  std::string text;               ///< of a text; a number as it was written
  std::vector<std::string> keys;  ///< of an object, beside `values`, in the order they came
  std::vector<Json> values;       ///< of an array or object

  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
  /// The member of that name; null when there is none.
  [[nodiscard]] const Json* find(std::string_view key) const;
  /// "a number", "an object", …
  [[nodiscard]] std::string_view described() const;
};

/// Levels of arrays and objects in each other that are taken.
inline constexpr std::size_t kDeepestJson = 64;

/// Pure. Nothing when it is not JSON (RFC 8259), holds a key twice, is nested too deeply or is no
/// UTF-8; `wrong` then says what and where ("line 2, column 5: …").
[[nodiscard]] std::optional<Json> read_json(std::string_view text, std::string& wrong);

/// The value without white space, keys sorted by their bytes, numbers as they were written.
[[nodiscard]] std::string canonical(const Json& value);

}  // namespace mjwatchd::control

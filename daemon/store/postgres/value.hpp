// What goes into a statement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "daemon/store/blob.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd::store::postgres {

/// The text as PostgreSQL takes it: it has no zero bytes, and bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string clean(std::string_view text);

/// One parameter, as it is sent.
struct Value {
  std::string bytes;
  bool null = false;
  bool binary = false;

  Value(std::nullptr_t) : null(true) {}
  Value(std::string_view text) : bytes(clean(text)) {}
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(Blob blob) : bytes(blob.bytes), binary(true) {}
  Value(WallTime time) : bytes(std::to_string(time.time_since_epoch().count())) {}
  template <typename Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>) Value(Number number)
      : bytes(std::to_string(static_cast<std::int64_t>(number))) {}
  template <typename Other>
  Value(const std::optional<Other>& maybe) : Value(maybe ? Value(*maybe) : Value(nullptr)) {}
};

/// A column of rows that are written together: an array, in PostgreSQL's binary form.
class Array {
 public:
  enum class Kind : std::uint32_t { bytes = 17, number = 20, text = 25 };  ///< PostgreSQL's numbers of these types
  explicit Array(Kind kind) : kind_(kind) {}

  template <typename Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>) void add(Number number) {
    add_number(static_cast<std::int64_t>(number));
  }
  void add(WallTime time) { add_number(time.time_since_epoch().count()); }
  void add(std::string_view text);
  template <typename Other>
  void add(const std::optional<Other>& maybe) {
    if (maybe) {
      add(*maybe);
    } else {
      add_nothing();
    }
  }
  [[nodiscard]] std::size_t size() const { return count_; }
  /// The array as a parameter; it is empty afterwards.
  [[nodiscard]] Value take();

 private:
  void add_number(std::int64_t number);
  void add_nothing();

  Kind kind_;
  std::uint32_t count_ = 0;
  std::string elements_;
};

}  // namespace mjwatchd::store::postgres

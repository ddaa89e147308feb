// The WHERE of a list, put together from what was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mjwatchd::store {

/// Conditions with one value each. The texts are ours, the values are bound.
class Filter {
 public:
  using Value = std::variant<std::int64_t, std::string>;

  /// `condition` holds one "?".
  void add(std::string_view condition, Value value) {
    add(condition);
    values_.push_back(std::move(value));
  }
  void add(std::string_view condition) {
    where_ += where_.empty() ? " WHERE " : " AND ";
    where_ += condition;
  }
  [[nodiscard]] const std::string& where() const { return where_; }
  /// Binds the values to the statement's first parameters; answers how many there were.
  template <typename Query>
  int bind(Query& query) const {
    int at = 0;
    for (const Value& value : values_) {
      std::visit([&](const auto& one) { query.bind(++at, one); }, value);
    }
    return at;
  }

 private:
  std::string where_;
  std::vector<Value> values_;
};

}  // namespace mjwatchd::store

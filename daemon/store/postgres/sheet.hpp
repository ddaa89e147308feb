// Rows that are written together.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/store/postgres/connection.hpp"

namespace mjwatchd::store::postgres {

/// Rows for one statement that takes them as arrays, a column each: a thousand rows cost little more than one.
class Sheet {
 public:
  /// `kinds` says what each column holds: 'n' numbers and times, 't' texts, 'b' bytes.
  Sheet(std::string_view sql, std::string_view kinds);

  template <typename... Cells>
  void add(const Cells&... cells) {
    std::size_t at = 0;
    (columns_[at++].add(cells), ...);
  }
  [[nodiscard]] bool empty() const { return columns_.front().size() == 0; }
  /// The statement with all rows; there are none afterwards.
  [[nodiscard]] Connection::Statement take();
  void clear() { static_cast<void>(take()); }

 private:
  std::string_view sql_;
  std::vector<Array> columns_;
};

}  // namespace mjwatchd::store::postgres

#include "daemon/store/postgres/sheet.hpp"

namespace mjwatchd::store::postgres {

Sheet::Sheet(std::string_view sql, std::string_view kinds) : sql_(sql) {
  for (const char kind : kinds) {
    columns_.emplace_back(kind == 'n' ? Array::Kind::number : kind == 't' ? Array::Kind::text : Array::Kind::bytes);
  }
}

Connection::Statement Sheet::take() {
  Connection::Statement statement{sql_, {}};
  for (Array& column : columns_) statement.values.push_back(column.take());
  return statement;
}

}  // namespace mjwatchd::store::postgres

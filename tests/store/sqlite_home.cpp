#include <doctest/doctest.h>
#include <sqlite3.h>

#include "daemon/store/sqlite_store.hpp"
#include "tests/store/home.hpp"

namespace mjwatchd::store::test {
namespace {

class SqliteHome final : public Home {
 public:
  explicit SqliteHome(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::unique_ptr<Store> open(asio::io_context& io, StoreRules rules, webhooks::SecretBox secrets) override {
    return std::make_unique<SqliteStore>(io, SqliteOptions{folder_, std::move(rules), std::move(secrets)});
  }

  std::int64_t look(const std::string& sql) override {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2((folder_ / "mjwatchd.db").c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    REQUIRE_MESSAGE(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK, sqlite3_errmsg(db));
    const std::int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
  }

  bool opens_under_any_key() const override { return true; }

  std::string holds(const std::string& column, const std::string& text) const override {
    return "instr(" + column + ", CAST('" + text + "' AS BLOB)) > 0";
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace

std::unique_ptr<Home> make_sqlite_home(const std::filesystem::path& folder) {
  return std::make_unique<SqliteHome>(folder);
}

}  // namespace mjwatchd::store::test

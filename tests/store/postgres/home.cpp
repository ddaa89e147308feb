#include "tests/store/home.hpp"

#include "daemon/store/postgres/postgres_store.hpp"
#include "tests/store/postgres/server.hpp"

namespace mjwatchd::store::test {
namespace {

class PostgresHome final : public Home {
 public:
  PostgresHome(std::filesystem::path folder, std::string url) : folder_(std::move(folder)), url_(std::move(url)) {}

  std::unique_ptr<Store> open(asio::io_context& io, StoreRules rules, webhooks::SecretBox secrets) override {
    PostgresOptions options{url_, "", folder_, "test", milliseconds(15'000), std::move(rules), std::move(secrets)};
    return std::make_unique<PostgresStore>(io, std::move(options));
  }

  std::int64_t look(const std::string& sql) override { return Server::instance().look(url_, sql); }

  bool opens_under_any_key() const override { return false; }

  std::string holds(const std::string& column, const std::string& text) const override {
    return "position('" + text + "'::bytea IN " + column + ") > 0";
  }

 private:
  std::filesystem::path folder_;
  std::string url_;
};

}  // namespace

std::unique_ptr<Home> make_postgres_home(const std::filesystem::path& folder, const std::string& url) {
  return std::make_unique<PostgresHome>(folder, url);
}

std::unique_ptr<Home> make_home(const std::filesystem::path& folder) {
  return make_postgres_home(folder, Server::instance().new_list());
}

}  // namespace mjwatchd::store::test

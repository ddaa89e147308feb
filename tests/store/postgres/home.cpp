#include "tests/store/home.hpp"

#include "daemon/store/postgres/postgres_store.hpp"
#include "tests/store/postgres/server.hpp"

namespace mjwatchd::store::test {
namespace {

class PostgresHome final : public Home {
 public:
  PostgresHome(std::filesystem::path folder, std::string url, milliseconds lease)
      : folder_(std::move(folder)), url_(std::move(url)), lease_(lease) {}

  std::unique_ptr<Store> open(asio::io_context& io, StoreRules rules, webhooks::SecretBox secrets) override {
    PostgresOptions options{url_, "", folder_, "test", lease_, std::move(rules), std::move(secrets)};
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
  milliseconds lease_;
};

}  // namespace

std::unique_ptr<Home> make_postgres_home(const std::filesystem::path& folder, const std::string& url,
                                         std::chrono::milliseconds lease) {
  return std::make_unique<PostgresHome>(folder, url, lease);
}

std::unique_ptr<Home> make_home(const std::filesystem::path& folder) {
  return make_postgres_home(folder, Server::instance().new_list());
}

}  // namespace mjwatchd::store::test

// Where a test's watch list is kept.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "daemon/store/store.hpp"
#include "daemon/webhooks/secret_box.hpp"

namespace mjwatchd::store::test {

/// One of its own for each test, gone with it. The tests of what all stores promise are linked once with each kind.
class Home {
 public:
  virtual ~Home() = default;
  [[nodiscard]] virtual std::unique_ptr<Store> open(asio::io_context& io, StoreRules rules,
                                                    webhooks::SecretBox secrets) = 0;
  /// Asks the database itself, as nobody's store would; one number, -1 when there is no row.
  virtual std::int64_t look(const std::string& sql) = 0;
  /// Whether it opens under a key that its secrets are not sealed under.
  [[nodiscard]] virtual bool opens_under_any_key() const = 0;
  /// SQL: whether a text stands in a column of bytes.
  [[nodiscard]] virtual std::string holds(const std::string& column, const std::string& text) const = 0;
};

/// Which kind is a matter of what the program is linked with. `folder` is there and empty.
[[nodiscard]] std::unique_ptr<Home> make_home(const std::filesystem::path& folder);
/// The same of one kind, where a program has it; `url` names a schema, and a `lease` runs that long.
[[nodiscard]] std::unique_ptr<Home> make_sqlite_home(const std::filesystem::path& folder);
[[nodiscard]] std::unique_ptr<Home> make_postgres_home(const std::filesystem::path& folder, const std::string& url,
                                                       std::chrono::milliseconds lease = std::chrono::seconds(15));

}  // namespace mjwatchd::store::test

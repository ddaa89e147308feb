// A watch list in a PostgreSQL database, which several daemons may share.
#pragma once

#include <asio/io_context.hpp>
#include <filesystem>
#include <memory>

#include "daemon/store/store.hpp"
#include "daemon/webhooks/secret_box.hpp"

namespace mjwatchd::store {

struct PostgresOptions {
  std::string url;                  ///< postgresql://…, without a password
  std::string password;             ///< empty: libpq's own ways
  std::filesystem::path directory;  ///< the state folder: says who this daemon is, and that it is there once
  std::string host;                 ///< for people who look into the table of daemons
  milliseconds lease{15'000};
  StoreRules rules;
  webhooks::SecretBox secrets;  ///< the same for all daemons: any of them may send any delivery
};

/// One thread writes, two read, one keeps this daemon's place among those of the watch list: a lease on its tasks,
/// renewed long before it runs out, and nothing is done under it after that. While the database is away changes and
/// questions wait and full() is true; all goes on by itself. A change to what another daemon holds is `missing`.
/// Loop thread only; callbacks are posted to `io`, which must outlive it.
class PostgresStore final : public Store {
 public:
  /// Connects, makes or mends the tables, and takes a place. Throws std::runtime_error that says what, where and the
  /// cure: the database can't be reached or refuses us, its tables are another program's or of a newer version.
  PostgresStore(asio::io_context& io, PostgresOptions options);
  ~PostgresStore() override;
  PostgresStore(const PostgresStore&) = delete;
  PostgresStore& operator=(const PostgresStore&) = delete;

  void commit(Change change, std::function<void(CommitResult)> done) override;
  [[nodiscard]] bool full() const override;
  void adopt(std::function<void(std::vector<Event>)> page) override;
  [[nodiscard]] std::vector<Event> lapsed() override;
  void tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) override;
  void deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) override;
  void events(EventQuery query, std::function<void(EventPage)> done) override;
  void outgoing(DeliveryNo no, std::function<void(std::optional<Outgoing>)> done) override;
  void counts(std::function<void(StoreCounts)> done) override;
  void prune(WallTime before, std::function<void(std::size_t)> done) override;
  /// Hands everything over to the other daemons, too.
  void close() override;

  void reload(StoreRules rules) override;
  [[nodiscard]] std::size_t waiting() const override;
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> busy_since() const override;
  [[nodiscard]] std::string broken() const override;
  [[nodiscard]] std::string away() const override;
  [[nodiscard]] std::optional<Sharing> sharing() const override;
  void refresh(const TaskKey& key, bool pictures_missing, std::function<void()> here) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mjwatchd::store

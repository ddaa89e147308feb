// The watch list in a SQLite file of the state folder.
#pragma once

#include <asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/store/store.hpp"
#include "daemon/webhooks/secret_box.hpp"

namespace mjwatchd::store {

struct SqliteOptions {
  std::filesystem::path directory;  ///< the state folder; made if it is absent (its parent is not)
  StoreRules rules;
  webhooks::SecretBox secrets;  ///< seals the secrets of receivers given with a task
  /// Called again and again by the constructor while it brings an older file up to date. May be empty.
  std::function<void()> getting_on{};
};

/// One writer thread owns the writing connection and commits many changes in one transaction
/// (WAL, synchronous=FULL); reads run on a second connection of the same thread's queue or another.
/// Loop thread only, but for what it does inside; callbacks are posted to `io`, which must outlive it.
///
/// A full disk fails changes (CommitResult::failed) until there is room again; an input/output error
/// stops all writing for good (FACTS: after a failed sync nothing is known), and broken() says so.
class SqliteStore final : public Store {
 public:
  /// Opens or creates `directory`/mjwatchd.db and takes `directory`/lock. Throws std::runtime_error
  /// that says what, where and the cure: the folder is read-only or full, another daemon (pid) has
  /// it, the file is of a newer version, or it is damaged.
  SqliteStore(asio::io_context& io, SqliteOptions options);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  void commit(Change change, std::function<void(CommitResult)> done) override;
  [[nodiscard]] bool full() const override;
  void adopt(std::function<void(std::vector<Event>)> page) override;
  void tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) override;
  void deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) override;
  void events(EventQuery query, std::function<void(EventPage)> done) override;
  void outgoing(DeliveryNo no, std::function<void(std::optional<Outgoing>)> done) override;
  void counts(std::function<void(StoreCounts)> done) override;
  void prune(WallTime before, std::function<void(std::size_t)> done) override;
  void close() override;

  void reload(StoreRules rules) override;
  [[nodiscard]] std::size_t waiting() const override;
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> busy_since() const override;
  [[nodiscard]] std::string broken() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mjwatchd::store

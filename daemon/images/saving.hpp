// One order on its way: its wishes one after another, its seed beside them.
#pragma once

#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "daemon/images/directory_store.hpp"
#include "daemon/images/download.hpp"
#include "daemon/images/plan.hpp"

namespace mjwatchd::images {

/// Owned by the store, which outlives it; loop thread only. Tells the store once, by answer().
class Saving : public std::enable_shared_from_this<Saving> {
 public:
  Saving(DirectoryImageStore& store, DirectoryImageStore::OrderKey key, SaveOrder order, const GatewayOptions& gateway);
  ~Saving();
  Saving(const Saving&) = delete;
  Saving& operator=(const Saving&) = delete;

  void start();
  /// Answers try_again with what there is, at once.
  void give_way(std::string why);

 private:
  void next();
  void fetch();
  void turn_away();
  void on_whole();
  void on_download(DownloadResult result);
  void observe(const DownloadResult& result) const;
  void on_failure(DownloadResult result);
  void wish_failed();
  void leave();
  void ask_seed();
  void on_seed(Gateway::Seed seed);
  void settle();
  void answer();
  void note(const std::string& error);

  DirectoryImageStore& store_;
  DirectoryImageStore::OrderKey key_;
  SaveOrder order_;
  const GatewayOptions& gateway_;
  Plan plan_;
  std::size_t wish_ = 0, source_ = 0;
  bool temporary_ = false;  // of the wish at hand: a later try may help
  bool try_again_ = false, gone_ = false, none_ = false, answered_ = false;
  std::string errors_;
  ImageResult result_;
  std::shared_ptr<Download> download_;
  std::chrono::steady_clock::time_point began_;  // the download
  std::optional<Slots::Ticket> waiting_;
  std::optional<std::string> slot_;  // the origin whose turn is taken
  bool keeping_ = false;             // fetched, and counted among those that wait for the disk or the shelf
  asio::steady_timer seed_timer_, end_timer_;
  bool seed_settled_ = true, pictures_done_ = false;
  int seed_tries_ = 0;
};

}  // namespace mjwatchd::images

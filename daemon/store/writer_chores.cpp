// What the writer does between changes: checkpoints, pruning, and keeping the file to its size.
#include <spdlog/spdlog.h>

#include "daemon/store/writer.hpp"

namespace mjwatchd::store {
namespace {

constexpr int kCheckpointPages = 1000;
constexpr std::chrono::seconds kLookAgain{5};
constexpr std::chrono::hours kWarnAgain{1};

}  // namespace

void Writer::tend() {
  if (!broken().empty()) {
    settle_all_pruning();
    return;
  }
  const bool resting = std::chrono::steady_clock::now() < rest_until_;
  const Busy busy(busy_since_);
  try {
    checkpoint(kCheckpointPages);
    watch_size();
    if (!resting && queue_.pruning()) go_on_pruning();
    if (!resting && crowded_ && !all_live_) relieve();
  } catch (const SqliteError& error) {
    back_out();
    failed(error, "tending the file");
    settle_all_pruning();
    rest_until_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  }
}

// Moves what is in the log into the file. SQLite would do it by itself at commits, but hides it when the
// file can't be synced; going on after that could lose what was promised.
void Writer::checkpoint(int at_pages) {
  if (wal_pages_ < at_pages || (at_pages > 1 && wal_pages_ < checkpoint_at_)) return;
  checkpoint_at_ = wal_pages_ + kCheckpointPages;  // if a reader is in the way, or there is no room
  try {
    if (!db_->checkpoint()) return;
    wal_pages_ = 0;
    checkpoint_at_ = 0;
  } catch (const SqliteError& error) {
    if (error.fatal()) return stop_writing(error.what());
    spdlog::warn("the store's log can't be moved into its file now: {}", error.what());
  }
}

void Writer::relieve() {
  std::vector<SavedImage> saved;
  db_->run("BEGIN IMMEDIATE");
  all_live_ = !pruner_.relieve(saved);
  db_->run("COMMIT");
  if (all_live_) look_again_at_ = std::chrono::steady_clock::now() + kLookAgain;
  if (saved.empty()) return;
  const Rules rules = queue_.rules();
  if (!rules->relieved) return;
  loop_.post([rules, saved = std::move(saved)]() mutable { rules->relieved(std::move(saved)); });
}

void Writer::go_on_pruning() {
  PruneOrder order = queue_.first_pruning();
  db_->run("BEGIN IMMEDIATE");
  pruner_.step(order);
  db_->run("COMMIT");
  queue_.first_pruning() = order;
  if (order.stage == PruneOrder::Stage::finished) queue_.settle_pruning();
}

void Writer::settle_all_pruning() {
  while (queue_.pruning()) queue_.settle_pruning();
}

void Writer::watch_size() {
  const std::int64_t pages = db_->number("PRAGMA page_count") - db_->number("PRAGMA freelist_count");
  crowded_ = static_cast<std::uint64_t>(pages * page_size_) >= queue_.rules()->max_size;
  // Something may have finished, or have been delivered, since nothing could go.
  if (!crowded_ || db_->number("SELECT n FROM counters WHERE kind = 3") > 0 ||
      std::chrono::steady_clock::now() >= look_again_at_) {
    all_live_ = false;
  }
  if (crowded_ && std::chrono::steady_clock::now() >= warn_again_at_) {
    warn_again_at_ = std::chrono::steady_clock::now() + kWarnAgain;
    spdlog::warn("the store has reached watch.store_max_size: the oldest finished tasks go before watch.retain");
  }
}

}  // namespace mjwatchd::store

#include "daemon/store/postgres/writer.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

namespace mjwatchd::store::postgres {
namespace {

constexpr std::size_t kBatch = 1000;          ///< bounds how long the first of a batch waits for the last
constexpr std::chrono::seconds kLastWait{5};  ///< at the end, for a database that is away

}  // namespace

Writer::Writer(Loop& loop, Address address, webhooks::SecretBox secrets, Rules rules, Standing& standing)
    : loop_(loop),
      address_(std::move(address)),
      secrets_(std::move(secrets)),
      standing_(standing),
      rules_(std::move(rules)) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-writer");
}

Writer::~Writer() { close(); }

void Writer::commit(Change change, std::function<void(CommitResult)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    ++waiting_;
    queue_.push_back(
        {std::move(change), rules_, std::move(done), loop_.guard(), Clock::now(), standing_.last_number()});
  }
  wake_.notify_one();
}

void Writer::prune(WallTime before, std::function<void(std::size_t)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    PruneOrder order;
    order.before = before;
    asked_.push_back({order, std::move(done), loop_.guard()});
  }
  wake_.notify_one();
}

void Writer::use(Rules rules) {
  const std::lock_guard lock(mutex_);
  rules_ = std::move(rules);
}

void Writer::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (!give_up_at_) give_up_at_ = Clock::now() + kLastWait;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  asked_.clear();  // these are not answered, and the loop need not wait for them
  pruning_.clear();
  tables_.reset();
  db_.reset();
}

std::optional<Clock::time_point> Writer::busy_since() const {
  const Clock::rep since = busy_since_;
  if (since == 0) return std::nullopt;
  return Clock::time_point(Clock::duration(since));
}

Clock::time_point Writer::settled_until() const {
  const std::lock_guard lock(mutex_);
  if (oldest_) return *oldest_;
  return queue_.empty() ? Clock::now() : queue_.front().given;
}

void Writer::run() {
  for (;;) {
    Batch batch = take_batch();
    const bool idle = batch.empty();
    if (!idle) {
      Results results = apply_all(batch);
      busy_since_ = 0;
      answer(std::move(batch), std::move(results));
    }
    {
      const std::lock_guard lock(mutex_);
      if (idle && closing_) return;
    }
    if (!pruning_.empty()) go_on_pruning();
  }
}

Writer::Batch Writer::take_batch() {
  std::unique_lock lock(mutex_);
  oldest_.reset();
  if (pruning_.empty()) wake_.wait(lock, [this] { return closing_ || !queue_.empty() || !asked_.empty(); });
  for (auto& pruning : asked_) pruning_.push_back(std::move(pruning));
  asked_.clear();
  Batch batch;
  for (; !queue_.empty() && batch.size() < kBatch; queue_.pop_front()) batch.push_back(std::move(queue_.front()));
  if (!batch.empty()) oldest_ = batch.front().given;
  return batch;
}

void Writer::answer(Batch batch, Results results) {
  loop_.post([this, open = loop_.open(), batch = std::move(batch), results = std::move(results)]() mutable {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      --waiting_;
      const auto done = std::move(batch[i].done);
      if (done) done(std::move(results[i]));
      if (!*open) return;  // this answer closed the store
    }
  });
}

void Writer::go_on_pruning() {
  PruneOrder order = pruning_.front().order;
  try {
    static_cast<void>(tables());
    Pruner<Connection> pruner(*db_);
    db_->run("BEGIN");
    pruner.step(order);
    db_->run("COMMIT");
    pruning_.front().order = order;
    if (order.stage == PruneOrder::Stage::finished) settle_pruning();
  } catch (const std::exception& error) {
    spdlog::warn("the store could not be pruned and is later: {}", error.what());
    back_out();
    settle_pruning();
  }
}

/// Answers the first; what it removed is removed, even if it could not go on.
void Writer::settle_pruning() {
  Pruning first = std::move(pruning_.front());
  pruning_.pop_front();
  loop_.post([done = std::move(first.done), removed = first.order.tasks_removed, guard = std::move(first.guard)] {
    if (done) done(removed);
  });
}

}  // namespace mjwatchd::store::postgres

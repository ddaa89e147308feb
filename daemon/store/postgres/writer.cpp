#include "daemon/store/postgres/writer.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

namespace mjwatchd::store::postgres {

Writer::Writer(Loop& loop, Address address, webhooks::SecretBox secrets, Rules rules, Standing& standing)
    : queue_(loop, std::move(rules)), address_(std::move(address)), secrets_(std::move(secrets)), standing_(standing) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-writer");
}

Writer::~Writer() { close(); }

void Writer::close() {
  queue_.close();
  if (!thread_.joinable()) return;
  thread_.join();
  queue_.drop_prunings();
  hang_up();
}

void Writer::run() {
  for (;;) {
    Batch batch = queue_.take(queue_.pruning() ? Clock::time_point::min() : Clock::time_point::max());
    const bool idle = batch.empty();
    if (!idle) {
      Results results = apply_all(batch);
      busy_since_.end();
      queue_.answer(std::move(batch), std::move(results));
    }
    if (idle && queue_.closed()) return;
    if (queue_.pruning()) go_on_pruning();
  }
}

void Writer::go_on_pruning() {
  PruneOrder order = queue_.first_pruning();
  try {
    static_cast<void>(tables());
    Pruner<Connection> pruner(*db_);
    db_->run("BEGIN");
    pruner.step(order);
    db_->run("COMMIT");
    queue_.first_pruning() = order;
    if (order.stage == PruneOrder::Stage::finished) queue_.settle_pruning();
  } catch (const std::exception& error) {
    spdlog::warn("the store could not be pruned and is later: {}", error.what());
    back_out();
    queue_.settle_pruning();
  }
}

}  // namespace mjwatchd::store::postgres

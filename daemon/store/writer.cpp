#include "daemon/store/writer.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

namespace mjwatchd::store {
namespace {

using Clock = std::chrono::steady_clock;

int note_wal(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

Writer::Writer(Loop& loop, std::unique_ptr<Connection> db, webhooks::SecretBox secrets, Rules rules)
    : loop_(loop),
      queue_(loop, std::move(rules)),
      db_(std::move(db)),
      secrets_(std::move(secrets)),
      tables_(*db_),
      pruner_(*db_) {
  page_size_ = db_->number("PRAGMA page_size");
  sqlite3_wal_hook(db_->handle(), note_wal, &wal_pages_);
  watch_size();
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-writer");
}

Writer::~Writer() { close(); }

void Writer::close() {
  queue_.close();
  if (!thread_.joinable()) return;
  thread_.join();
  queue_.drop_prunings();
  if (!broken().empty()) {  // what is in the log stays there: the next start reads it, on a disk that was looked after
    sqlite3_db_config(db_->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  db_.reset();
}

std::string Writer::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

void Writer::stop_writing(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    if (!broken_.empty()) return;
    broken_ = why;
  }
  spdlog::error("the store can't be trusted any more and nothing is written to it: {}", why);
}

void Writer::run() {
  for (;;) {
    Batch batch = take_batch();
    const bool idle = batch.empty();
    if (!idle) commit_batch(std::move(batch));
    if (idle && queue_.closed()) return;
    tend();
  }
}

// Waits until there is something to do; an empty batch means that the file is to be tended, or the end.
Writer::Batch Writer::take_batch() {
  if (Clock::now() < rest_until_) return queue_.take(rest_until_);
  const bool chores = (queue_.pruning() || (crowded_ && !all_live_)) && broken().empty();
  return queue_.take(chores ? Clock::time_point::min() : Clock::time_point::max());
}

void Writer::commit_batch(Batch batch) {
  Results results;
  const std::string why = broken();
  if (why.empty()) {
    results = apply_all(batch);
  } else {
    results.assign(batch.size(), only(CommitResult::Code::failed, "nothing is written any more: " + why));
  }
  queue_.answer(std::move(batch), std::move(results));
}

Writer::Results Writer::apply_all(const Batch& batch) {
  const Busy busy(busy_since_);
  Results results;
  results.reserve(batch.size());
  try {
    if (!apply_together(batch, results)) apply_each(batch, results);
    return results;
  } catch (const SqliteError& error) {
    back_out();
    failed(error, "a transaction");
    results.clear();
    for (const Job& job : batch) results.push_back(refused(job, error));
  } catch (const std::exception& error) {
    back_out();
    spdlog::error("the store: {}", error.what());
    results.assign(batch.size(), only(CommitResult::Code::failed, error.what()));
  }
  return results;
}

// The usual way, without a savepoint around each change: SQLite would keep a copy of every page that is
// touched in one. False, and nothing is written, when a change fails by itself.
bool Writer::apply_together(const Batch& batch, Results& results) {
  try {
    db_->run("BEGIN IMMEDIATE");
    for (const Job& job : batch) {
      Transaction in{tables_, secrets_, *job.rules, crowded_ && all_live_};
      results.push_back(apply(in, job.change));
    }
    db_->run("COMMIT");
    return true;
  } catch (const SqliteError& error) {
    if (error.full() || error.fatal()) throw;  // of the disk, not of a change: not to be tried at once again
  } catch (const std::exception&) {
  }
  back_out();
  results.clear();
  return false;
}

void Writer::apply_each(const Batch& batch, Results& results) {
  db_->run("BEGIN IMMEDIATE");
  for (const Job& job : batch) results.push_back(apply_one(job));
  db_->run("COMMIT");
}

// One change is all or nothing: what it wrote before it failed is taken back, the others stay.
CommitResult Writer::apply_one(const Job& job) {
  Transaction in{tables_, secrets_, *job.rules, crowded_ && all_live_};
  db_->run("SAVEPOINT change");
  std::string why;
  try {
    CommitResult result = apply(in, job.change);
    db_->run("RELEASE change");
    return result;
  } catch (const SqliteError& error) {
    // SQLite may have ended the whole transaction; and a full or broken disk fails all of it.
    if (!db_->in_transaction() || error.full() || error.fatal()) throw;
    why = error.what();
  } catch (const std::exception& error) {
    why = error.what();
  }
  db_->run("ROLLBACK TO change");
  db_->run("RELEASE change");
  spdlog::error("the store could not apply a change: {}", why);
  return only(CommitResult::Code::failed, why);
}

// Who registers is told that there is no room, which is not a fault of the request; all else is tried again.
CommitResult Writer::refused(const Job& job, const SqliteError& error) {
  const bool no_room = error.full() && std::holds_alternative<change::Register>(job.change);
  return only(no_room ? CommitResult::Code::full : CommitResult::Code::failed, error.what());
}

void Writer::back_out() {
  if (!db_->in_transaction()) return;
  try {
    db_->run("ROLLBACK");
  } catch (const SqliteError& error) {
    stop_writing(error.what());
  }
}

void Writer::failed(const SqliteError& error, const char* doing) {
  if (error.fatal()) return stop_writing(error.what());
  if (Clock::now() >= complain_again_at_) {  // a full disk fails many in a second
    complain_again_at_ = Clock::now() + std::chrono::seconds(10);
    spdlog::error("the store: {} failed, and is tried again: {}", doing, error.what());
  }
  if (!error.full()) return;
  rest_until_ = Clock::now() + std::chrono::seconds(1);
  checkpoint(1);  // the log can then be written from its beginning again, which needs no room
}

}  // namespace mjwatchd::store

#include "daemon/store/postgres/reader.hpp"

#include <pthread.h>

namespace mjwatchd::store::postgres {
namespace {

constexpr milliseconds kRest{500};  ///< between attempts

}  // namespace

Reader::Reader(Address address) : address_(std::move(address)) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-reader");
}

Reader::~Reader() { close(); }

void Reader::close() {
  queue_.close();
  if (!thread_.joinable()) return;
  thread_.join();
  queue_.drop();
  db_.reset();
}

void Reader::run() {
  while (const auto job = queue_.take()) {
    while (!tried(*job) && queue_.sleep(kRest)) {
    }
  }
}

/// False when it is to be asked again: the database is away, others were in the way, or it had no room to work in.
bool Reader::tried(const Job& job) {
  try {
    if (!db_) db_ = std::make_unique<Connection>(address_);
    db_->run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    job.question(*db_);
    db_->run("COMMIT");
    job.answer();
    return true;
  } catch (const PostgresError& error) {
    db_.reset();
    if (error.lost() || error.again() || error.short_of_room()) return false;
    job.failed(error);
  } catch (const std::exception& error) {
    db_.reset();
    job.failed(error);
  }
  return true;
}

}  // namespace mjwatchd::store::postgres

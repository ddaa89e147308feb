#include "daemon/store/reader.hpp"

#include <pthread.h>

namespace mjwatchd::store {

Reader::Reader(std::unique_ptr<Connection> db) : db_(std::move(db)) {
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
  while (const auto question = queue_.take()) (*question)(*db_);
}

}  // namespace mjwatchd::store

// What a daemon takes up when it starts.
#pragma once

#include <string>
#include <vector>

#include "daemon/store/sqlite.hpp"
#include "mjwatchd/event.hpp"

namespace mjwatchd::store {

/// Everything live, a page at a time: disabled receivers, what schedules learned, live tasks, held
/// deliveries (the core counts them, and asks for them when their endpoint is back), pending ones.
/// What comes into being after the first page is left out: whoever committed it knows of it.
class Adoption {
 public:
  /// The next page; an empty one ends it. Throws SqliteError, and
  /// std::runtime_error when fewer (or more) are there than were counted.
  [[nodiscard]] std::vector<Event> next(Connection& db);

 private:
  enum class Stage { start, receivers, learned, tasks, held, pending, end };
  [[nodiscard]] std::vector<Event> page(Connection& db);
  [[nodiscard]] std::vector<Event> receivers(Connection& db);
  [[nodiscard]] std::vector<Event> learned(Connection& db);
  [[nodiscard]] std::vector<Event> tasks(Connection& db);
  [[nodiscard]] std::vector<Event> deliveries(Connection& db, DeliveryState state);

  Stage stage_ = Stage::start;
  std::int64_t after_ = 0;
  std::string after_name_;
  TaskNo last_task_ = 0;
  DeliveryNo last_delivery_ = 0;
};

}  // namespace mjwatchd::store

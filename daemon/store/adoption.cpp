#include "daemon/store/adoption.hpp"

#include <stdexcept>
#include <string>

#include "daemon/store/delivery_row.hpp"
#include "daemon/store/task_row.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kPage = 1000;
/// Deliveries are small and can be many: on a busy machine it is the turns between the threads that take time.
constexpr std::size_t kDeliveryPage = 10'000;

/// A damaged page may have lost rows without a trace; the counters lie on another one.
void need_all(Connection& db) {
  const std::int64_t counted = db.number("SELECT sum(n) FROM counters WHERE kind < 3");
  const std::int64_t there = db.number("SELECT count(*) FROM tasks WHERE phase <> 3");
  const std::int64_t waiting = db.number("SELECT n FROM counters WHERE kind = ?", 10);
  const std::int64_t pending = db.number("SELECT count(*) FROM deliveries WHERE state = 0 AND " MJWATCHD_OPEN);
  if (counted == there && waiting == pending) return;
  throw std::runtime_error("the store is damaged: " + std::to_string(counted) + " live tasks and " +
                           std::to_string(waiting) + " pending deliveries were counted, " + std::to_string(there) +
                           " and " + std::to_string(pending) +
                           " are there: restore it from a backup (mjwatchd --check-store says more)");
}

}  // namespace

std::vector<Event> Adoption::next(Connection& db) {
  if (stage_ == Stage::start) {
    need_all(db);
    last_task_ = db.number("SELECT max(no) FROM tasks");
    last_delivery_ = db.number("SELECT max(no) FROM deliveries");
    stage_ = Stage::receivers;
  }
  while (stage_ != Stage::end) {
    std::vector<Event> found = page(db);
    if (!found.empty()) return found;
    stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
    after_ = 0;
  }
  return {};
}

std::vector<Event> Adoption::page(Connection& db) {
  switch (stage_) {
    case Stage::receivers:
      return receivers(db);
    case Stage::learned:
      return learned(db);
    case Stage::tasks:
      return tasks(db);
    case Stage::held:
      return deliveries(db, DeliveryState::held);
    case Stage::pending:
      return deliveries(db, DeliveryState::pending);
    case Stage::start:
    case Stage::end:
      break;
  }
  return {};
}

std::vector<Event> Adoption::receivers(Connection& db) {
  std::vector<Event> found;
  Query row(db,
            "SELECT no, name, disabled, failing_since FROM receivers "
            "WHERE (disabled = 1 OR failing_since IS NOT NULL) AND no > ? ORDER BY no LIMIT ?",
            after_, kPage);
  while (row.next()) {
    after_ = row.integer(0);
    found.emplace_back(event::ReceiverAdopted{row.text(1), row.integer(2) != 0, row.maybe<WallTime>(3)});
  }
  return found;
}

std::vector<Event> Adoption::learned(Connection& db) {
  std::vector<Event> found;
  Query row(db, "SELECT gateway, state FROM learned WHERE gateway > ? ORDER BY gateway LIMIT ?", after_name_, kPage);
  while (row.next()) {
    after_name_ = row.text(0);
    found.emplace_back(event::LearnedAdopted{row.text(0), row.text(1)});
  }
  return found;
}

std::vector<Event> Adoption::tasks(Connection& db) {
  std::vector<Event> found;
  Query row(db,
            "SELECT " MJWATCHD_TASK_COLUMNS " FROM tasks WHERE phase <> 3 AND no > ? AND no <= ? ORDER BY no LIMIT ?",
            after_, last_task_, kPage);
  while (row.next()) {
    TaskRow task = read_task(row);
    after_ = task.no;
    found.emplace_back(event::Adopted{std::move(task.record)});
  }
  return found;
}

std::vector<Event> Adoption::deliveries(Connection& db, DeliveryState state) {
  std::vector<Event> found;
  Query row(db,
            "SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES " WHERE " MJWATCHD_OPEN
            " AND deliveries.state = ? AND deliveries.no > ? AND deliveries.no <= ? ORDER BY deliveries.no LIMIT ?",
            state, after_, last_delivery_, kDeliveryPage);
  while (row.next()) {
    DeliveryRecord record = read_delivery(row);
    after_ = record.no;
    found.emplace_back(event::DeliveryAdopted{std::move(record)});
  }
  return found;
}

}  // namespace mjwatchd::store

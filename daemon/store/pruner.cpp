#include "daemon/store/pruner.hpp"

#include <iterator>
#include <utility>
#include <vector>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/sqlite.hpp"
#include "daemon/store/stored_json.hpp"
#include "daemon/store/tables.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kTasksAtOnce = 100;
constexpr std::size_t kTasksForRoom = 20;  ///< no more than are needed should go early
constexpr std::size_t kEventsAtOnce = 300;
constexpr std::size_t kReceiversAtOnce = 1000;

template <typename Query>
std::vector<std::int64_t> numbers(Query& row) {
  std::vector<std::int64_t> list;
  while (row.next()) list.push_back(row.integer(0));
  return list;
}

}  // namespace

template <typename Db>
EventNo events_gone(Db& db) {
  return db.number("SELECT value FROM meta WHERE name = 'events_gone'");
}

template <typename Db>
void Pruner<Db>::step(PruneOrder& order) {
  switch (order.stage) {
    case PruneOrder::Stage::tasks:
      return old_tasks(order);
    case PruneOrder::Stage::events:
      return old_events(order);
    case PruneOrder::Stage::receivers:
      return old_receivers(order);
    case PruneOrder::Stage::finished:
      return;
  }
}

template <typename Db>
void Pruner<Db>::old_tasks(PruneOrder& order) {
  std::vector<TaskNo> tasks;
  {
    typename Db::Query row(db_, "SELECT no FROM tasks WHERE phase = 3 AND ended_at < ? ORDER BY ended_at LIMIT ?",
                           order.before, kTasksAtOnce);
    tasks = numbers(row);
  }
  for (const TaskNo task : tasks) remove_task(task, false);
  order.tasks_removed += tasks.size();
  if (tasks.size() < kTasksAtOnce) order.stage = PruneOrder::Stage::events;
}

template <typename Db>
void Pruner<Db>::old_events(PruneOrder& order) {
  std::vector<EventNo> events;
  {
    typename Db::Query row(db_,
                           "SELECT no, at FROM events WHERE at < ?1 AND at >= ?2 AND (at > ?2 OR no > ?3) "
                           "ORDER BY at, no LIMIT ?4",
                           order.before, order.at, order.after, kEventsAtOnce);
    while (row.next()) {
      events.push_back(row.integer(0));
      order.after = row.integer(0);
      order.at = row.time(1);
    }
  }
  for (const EventNo event : events) static_cast<void>(remove_event(event, false));
  if (events.size() < kEventsAtOnce) {
    order.stage = PruneOrder::Stage::receivers;
    order.after = 0;
  }
}

// A disabled URL is remembered for as long as anything is, so that it is not tried again by the next task.
template <typename Db>
void Pruner<Db>::old_receivers(PruneOrder& order) {
  std::vector<ReceiverNo> receivers;
  {
    typename Db::Query row(
        db_,
        "SELECT no FROM receivers WHERE no > ? AND name LIKE 'url:%' AND (disabled = 0 OR changed_at < ?) "
        "ORDER BY no LIMIT ?",
        order.after, order.before, kReceiversAtOnce);
    receivers = numbers(row);
  }
  for (const ReceiverNo receiver : receivers) {
    db_.run(
        "DELETE FROM receivers WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM targets WHERE receiver = ?1) "
        "AND NOT EXISTS (SELECT 1 FROM deliveries WHERE receiver = ?1)",
        receiver);
  }
  if (receivers.size() < kReceiversAtOnce) {
    order.stage = PruneOrder::Stage::finished;
  } else {
    order.after = receivers.back();
  }
}

template <typename Db>
void Pruner<Db>::remove_task(TaskNo task, bool also_held) {
  std::vector<EventNo> events;
  {
    typename Db::Query row(
        db_,
        "SELECT events.no FROM tasks JOIN events ON events.id = tasks.id AND events.gateway = tasks.gateway "
        "WHERE tasks.no = ?1 AND events.task = ?1",
        task);
    events = numbers(row);
  }
  db_.run("DELETE FROM tasks WHERE no = ?", task);
  db_.run("DELETE FROM task_texts WHERE task = ?", task);
  for (const EventNo event : events) static_cast<void>(remove_event(event, also_held));
  db_.run(
      "DELETE FROM targets WHERE task = ? AND NOT EXISTS "
      "(SELECT 1 FROM deliveries WHERE deliveries.target = targets.no)",
      task);
}

/// All of it, or nothing if a delivery still waits.
template <typename Db>
bool Pruner<Db>::remove_event(EventNo event, bool also_held) {
  const auto second = also_held ? DeliveryState::pending : DeliveryState::held;
  const bool waits = db_.number("SELECT 1 FROM deliveries WHERE event = ? AND state IN (?,?) LIMIT 1", event,
                                DeliveryState::pending, second) != 0;
  if (waits) return false;
  std::vector<TargetNo> targets;
  {
    typename Db::Query row(db_, "SELECT DISTINCT target FROM deliveries WHERE event = ? AND target IS NOT NULL", event);
    targets = numbers(row);
  }
  db_.run("DELETE FROM attempts WHERE delivery IN (SELECT no FROM deliveries WHERE event = ?)", event);
  db_.run("DELETE FROM deliveries WHERE event = ?", event);
  db_.run("DELETE FROM bodies WHERE event = ?", event);
  db_.run("DELETE FROM events WHERE no = ?", event);
  for (const TargetNo target : targets) {
    db_.run(
        "DELETE FROM targets WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.no = targets.task) "
        "AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.target = ?1)",
        target);
  }
  db_.run(
      "INSERT INTO meta(name, value) VALUES ('events_gone', ?) "
      "ON CONFLICT(name) DO UPDATE SET value = excluded.value WHERE meta.value < excluded.value",
      event);
  return true;
}

template <typename Db>
bool Pruner<Db>::relieve(std::vector<SavedImage>& saved) {
  std::vector<TaskNo> tasks;
  {
    typename Db::Query row(db_, "SELECT no FROM tasks WHERE phase = 3 ORDER BY ended_at LIMIT ?", kTasksForRoom);
    tasks = numbers(row);
  }
  for (const TaskNo task : tasks) {
    typename Db::Query row(db_, "SELECT images FROM task_texts WHERE task = ?", task);
    if (row.next()) {
      ImageResult images = decode_images(row.text(0));
      saved.insert(saved.end(), std::make_move_iterator(images.images.begin()),
                   std::make_move_iterator(images.images.end()));
    }
  }
  for (const TaskNo task : tasks) remove_task(task, true);
  return !tasks.empty() || orphans_go();
}

template <typename Db>
bool Pruner<Db>::orphans_go() {
  std::vector<EventNo> events;
  EventNo last = looked_at_;
  std::size_t seen = 0;
  {
    typename Db::Query row(
        db_,
        "SELECT no, EXISTS (SELECT 1 FROM tasks WHERE tasks.no = events.task) FROM events WHERE no > ? "
        "ORDER BY no LIMIT ?",
        looked_at_, kEventsAtOnce);
    for (; row.next(); ++seen) {
      last = row.integer(0);
      if (row.integer(1) == 0) events.push_back(last);
    }
  }
  for (const EventNo event : events) {
    if (remove_event(event, true)) orphan_found_ = true;
  }
  looked_at_ = last;
  if (seen == kEventsAtOnce) return true;
  looked_at_ = 0;
  return std::exchange(orphan_found_, false);
}

template class Pruner<Connection>;
template class Pruner<postgres::Connection>;
template EventNo events_gone(Connection&);
template EventNo events_gone(postgres::Connection&);

}  // namespace mjwatchd::store

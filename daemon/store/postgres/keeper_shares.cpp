// What the keeper takes and gives up.
#include <sys/eventfd.h>

#include <algorithm>

#include "daemon/store/delivery_row.hpp"
#include "daemon/store/postgres/keeper.hpp"
#include "daemon/store/postgres/schema.hpp"
#include "daemon/store/task_row.hpp"

namespace mjwatchd::store::postgres {
namespace {

constexpr std::size_t kStep = 1000;           ///< tasks that change hands in one transaction
constexpr milliseconds kLongestPause{5'000};  ///< before the shares are looked at again
constexpr std::chrono::seconds kTidy{60};

}  // namespace

struct Keeper::Shares {
  std::size_t live = 0, ours = 0, free = 0;
  unsigned daemons = 1;  ///< that count
  Array free_holders{Array::Kind::number};
};

/// How the live tasks are shared out.
Keeper::Shares Keeper::look() {
  Shares shares;
  shares.daemons = static_cast<unsigned>(
      std::max<std::int64_t>(1, db_->number("SELECT count(*) FROM daemons WHERE counts_from <= clock_timestamp()")));
  Rows rows = db_->exec(
      "SELECT t.holder, t.n, daemons.no IS NULL FROM (SELECT holder, count(*) AS n FROM tasks WHERE phase <> 3 GROUP "
      "BY holder) AS t LEFT JOIN daemons ON daemons.no = t.holder",
      {});
  while (rows.next()) {
    const auto count = rows.as<std::size_t>(1);
    shares.live += count;
    if (rows.integer(2) != 0) {
      shares.free += count;
      shares.free_holders.add(rows.integer(0));
    } else if (rows.integer(0) == standing_.last_number()) {
      shares.ours = count;
    }
  }
  return shares;
}

void Keeper::balance() {
  const auto now = Clock::now();
  balance_at_ = now + std::min(options_.lease / 3, kLongestPause);
  if (now >= tidy_at_) {
    tidy_at_ = now + kTidy;
    balance_wanted_ = true;
    forget_settled();
    compact_counters();
  }
  if (!counts_) return;
  {  // What was given to the writer before we gave tasks up must not be written when we have them again.
    const std::lock_guard lock(handled_->mutex);
    if (handled_->giving_up || settled_() <= handled_->gave_up_at) return;
  }
  Shares shares = look();
  const std::size_t aim = (shares.live + shares.daemons - 1) / shares.daemons;
  if (shares.free != 0 && shares.ours < aim) {
    const Value free = shares.free_holders.take();
    const std::size_t wanted = std::min(aim - shares.ours, shares.free);
    for (std::size_t took = 0; took < wanted && !ending(); took += kStep) {
      beat();
      take(std::min(kStep, wanted - took), free);
    }
  } else if (shares.ours > aim + aim / 10 + 1) {
    give_up(std::min(kStep, shares.ours - aim));
    balance_at_ = {};  // on with it, once the loop has heard
  }
  if (!std::exchange(balance_wanted_, false)) return;
  take_done();
  take_alone();
}

void Keeper::take(std::size_t most, const Value& free) {
  std::vector<Event> page;
  Array numbers(Array::Kind::number);
  db_->run("BEGIN");
  Rows rows = db_->exec(
      "WITH free AS (SELECT no AS free_no FROM tasks WHERE phase <> 3 AND holder = ANY(?::bigint[]) ORDER BY no LIMIT "
      "? FOR NO KEY UPDATE SKIP LOCKED) UPDATE tasks SET holder = daemons.no FROM free, daemons WHERE tasks.no = "
      "free_no AND daemons.no = ? RETURNING " MJWATCHD_TASK_COLUMNS,
      {free, Value(most), Value(standing_.last_number())});
  std::vector<std::pair<TaskNo, TaskKey>> taken;
  while (rows.next()) {
    TaskRow task = read_task(rows);
    numbers.add(task.no);
    taken.emplace_back(task.no, task.record.key);
    page.emplace_back(event::Adopted{std::move(task.record)});
  }
  take_waiting(numbers, page);
  db_->run("COMMIT");
  for (auto& [no, key] : taken) standing_.hold(no, std::move(key), true);
  if (!page.empty()) tell(std::move(page));
}

/// The deliveries of these tasks that wait: theirs is who holds the task.
void Keeper::take_waiting(Array& tasks, std::vector<Event>& page) {
  Rows waiting = db_->exec("SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES
                           " WHERE deliveries.task = ANY(?::bigint[]) AND deliveries.state = 0 AND deliveries.holder "
                           "IS NULL ORDER BY deliveries.no",
                           {tasks.take()});
  while (waiting.next()) page.emplace_back(event::DeliveryAdopted{read_delivery(waiting)});
}

// Tasks that are done, with deliveries that wait.
void Keeper::take_done() {
  for (std::size_t found = kStep; found == kStep && !ending();) {
    beat();
    std::vector<Event> page;
    Array numbers(Array::Kind::number);
    std::vector<std::pair<TaskNo, TaskKey>> taken;
    db_->run("BEGIN");
    Rows rows = db_->exec(
        "WITH free AS (SELECT no AS free_no FROM tasks WHERE phase = 3 AND no IN (SELECT task FROM deliveries WHERE "
        "state = 0 AND deliveries.holder IS NULL) AND NOT EXISTS (SELECT 1 FROM daemons WHERE daemons.no = holder) "
        "LIMIT ? FOR NO KEY UPDATE OF tasks SKIP LOCKED) UPDATE tasks SET holder = daemons.no FROM free, daemons "
        "WHERE tasks.no = free_no AND daemons.no = ? RETURNING tasks.no, gateway, id",
        {Value(kStep), Value(standing_.last_number())});
    while (rows.next()) {
      numbers.add(rows.integer(0));
      taken.emplace_back(rows.integer(0), TaskKey{rows.text(1), rows.text(2)});
    }
    found = taken.size();
    take_waiting(numbers, page);
    db_->run("COMMIT");
    for (auto& [no, key] : taken) standing_.hold(no, std::move(key), false);
    if (!page.empty()) tell(std::move(page));
  }
}

// Deliveries of no task.
void Keeper::take_alone() {
  for (std::size_t found = kStep; found == kStep && !ending();) {
    beat();
    std::vector<Event> page;
    Rows rows = db_->exec(
        "WITH free AS (SELECT no AS free_no FROM deliveries WHERE state = 0 AND holder IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM daemons WHERE daemons.no = holder) LIMIT ? FOR NO KEY UPDATE OF deliveries SKIP LOCKED) "
        "UPDATE deliveries SET holder = daemons.no FROM free, receivers, daemons WHERE deliveries.no = free_no AND "
        "receivers.no = deliveries.receiver AND daemons.no = ? RETURNING " MJWATCHD_DELIVERY_COLUMNS,
        {Value(kStep), Value(standing_.last_number())});
    while (rows.next()) {
      page.emplace_back(event::DeliveryAdopted{read_delivery(rows)});
      standing_.hold_delivery(rows.integer(0));
    }
    found = page.size();
    if (!page.empty()) tell(std::move(page));
  }
}

// The youngest, which are the farthest from their end.
void Keeper::give_up(std::size_t count) {
  const DaemonNo self = standing_.last_number();
  std::vector<Event> page;
  db_->run("BEGIN");
  Rows rows = db_->exec(
      "WITH surplus AS (SELECT no AS surplus_no FROM tasks WHERE phase <> 3 AND holder = ? ORDER BY no DESC LIMIT ? "
      "FOR NO KEY UPDATE SKIP LOCKED) UPDATE tasks SET holder = 0 FROM surplus WHERE tasks.no = surplus_no RETURNING "
      "tasks.no, gateway, id",
      {Value(self), Value(count)});
  while (rows.next()) {
    page.emplace_back(event::Released{{rows.text(1), rows.text(2)}, rows.integer(0)});
    static_cast<void>(standing_.let_go(rows.integer(0)));
  }
  static_cast<void>(db_->exec("SELECT pg_notify(?, ?)", {Value(channel(*db_)), Value(std::to_string(self) + " free")}));
  {
    const std::lock_guard lock(handled_->mutex);
    handled_->giving_up = true;
  }
  db_->run("COMMIT");
  tell(std::move(page));
  loop_.post([this, handled = handled_] {
    {
      const std::lock_guard lock(handled->mutex);
      handled->giving_up = false;
      handled->gave_up_at = Clock::now();
    }
    ::eventfd_write(call_.get(), 1);
  });
}

// What is done and has nothing to deliver any more need not be remembered.
void Keeper::forget_settled() {
  Array numbers(Array::Kind::number);
  for (const TaskNo no : standing_.done_ones()) numbers.add(no);
  if (numbers.size() == 0) return;
  Rows rows = db_->exec(
      "SELECT k.no FROM unnest(?::bigint[]) AS k(no) WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE "
      "task = k.no AND state = 0)",
      {numbers.take()});
  while (rows.next()) static_cast<void>(standing_.let_go(rows.integer(0)));
}

void Keeper::compact_counters() {
  db_->run(
      "WITH gone AS (DELETE FROM counters WHERE ctid IN (SELECT ctid FROM counters FOR UPDATE SKIP LOCKED) RETURNING "
      "kind, n) INSERT INTO counters SELECT kind, sum(n) FROM gone GROUP BY kind");
}

}  // namespace mjwatchd::store::postgres

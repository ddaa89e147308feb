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
constexpr std::chrono::seconds kCount{30};    ///< at the latest all tasks are counted again
constexpr std::chrono::seconds kTidy{60};

/// What somebody must have in hand: what is to be sent, and what is held though its receiver is not disabled. That one
/// waits for a word of the configuration, which only those hear who know of it; for a disabled receiver's anybody
/// can speak.
#define MJWATCHD_IS_SOMEBODYS                                        \
  "deliveries.state IN (0, 2) AND (deliveries.state = 0 OR EXISTS (" \
  "SELECT 1 FROM receivers AS r WHERE r.no = deliveries.receiver AND r.disabled = 0))"

}  // namespace

struct Keeper::Shares {
  std::size_t live = 0, ours = 0, free = 0;
  unsigned daemons = 1;  ///< that count
  Array free_holders{Array::Kind::number};
};

/// Whether this daemon has about its share, by what is counted anyway: who holds how many is only known by going
/// through all tasks. What becomes free is called out.
bool Keeper::even() {
  const auto live = static_cast<std::size_t>(db_->number("SELECT sum(n)::bigint FROM counters WHERE kind < 3"));
  const auto daemons = static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(), [](const auto& one) { return one.second; }));
  const std::size_t aim = live / std::max<std::size_t>(1, daemons);
  const std::size_t ours = standing_.held().live();
  return ours + aim / 10 + 1 >= aim && ours <= aim + aim / 10 + 1;
}

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
  if (!counts_ || surplus_.stage != Surplus::Stage::none) return;
  if (!balance_wanted_ && now < count_at_ && even()) return;
  count_at_ = now + kCount;
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
  for (const auto& [no, key] : taken) standing_.held().hold(no, key, true);
  if (!page.empty()) tell(std::move(page));
}

/// The deliveries of these tasks that wait: theirs is who holds the task.
void Keeper::take_waiting(Array& tasks, std::vector<Event>& page) {
  Rows waiting = db_->exec("SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES
                           " WHERE deliveries.task = ANY(?::bigint[]) AND " MJWATCHD_IS_SOMEBODYS
                           " AND deliveries.holder IS NULL ORDER BY deliveries.no",
                           {tasks.take()});
  while (waiting.next()) page.emplace_back(event::DeliveryAdopted{read_delivery(waiting)});
}

// Tasks that are done, with deliveries that wait or are held.
void Keeper::take_done() {
  for (std::size_t found = kStep; found == kStep && !ending();) {
    beat();
    std::vector<Event> page;
    Array numbers(Array::Kind::number);
    std::vector<std::pair<TaskNo, TaskKey>> taken;
    db_->run("BEGIN");
    Rows rows = db_->exec(
        "WITH free AS (SELECT no AS free_no FROM tasks WHERE phase = 3 AND no IN (SELECT task FROM deliveries "
        "WHERE " MJWATCHD_IS_SOMEBODYS
        " AND deliveries.holder IS NULL) AND NOT EXISTS (SELECT 1 FROM daemons WHERE daemons.no = holder) "
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
    for (const auto& [no, key] : taken) standing_.held().hold(no, key, false);
    if (!page.empty()) tell(std::move(page));
  }
}

// Deliveries of no task.
void Keeper::take_alone() {
  for (std::size_t found = kStep; found == kStep && !ending();) {
    beat();
    std::vector<Event> page;
    Rows rows = db_->exec(
        "WITH free AS (SELECT no AS free_no FROM deliveries WHERE " MJWATCHD_IS_SOMEBODYS
        " AND holder IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM daemons WHERE daemons.no = holder) LIMIT ? FOR NO KEY UPDATE OF deliveries SKIP LOCKED) "
        "UPDATE deliveries SET holder = daemons.no FROM free, receivers, daemons WHERE deliveries.no = free_no AND "
        "receivers.no = deliveries.receiver AND daemons.no = ? RETURNING " MJWATCHD_DELIVERY_COLUMNS,
        {Value(kStep), Value(standing_.last_number())});
    while (rows.next()) {
      page.emplace_back(event::DeliveryAdopted{read_delivery(rows)});
      standing_.held().hold_delivery(rows.integer(0));
    }
    found = page.size();
    if (!page.empty()) tell(std::move(page));
  }
}

// The youngest, which are the farthest from their end.
void Keeper::give_up(std::size_t count) {
  surplus_ = {Surplus::Stage::chosen, {}, Clock::now()};
  Rows rows = db_->exec("SELECT no FROM tasks WHERE phase <> 3 AND holder = ? ORDER BY no DESC LIMIT ?",
                        {Value(standing_.last_number()), Value(count)});
  while (rows.next()) surplus_.tasks.push_back(rows.integer(0));
}

void Keeper::go_on_giving_up() {
  if (surplus_.stage == Surplus::Stage::none) return;
  if (surplus_.stage == Surplus::Stage::told) {
    const std::lock_guard lock(handled_->mutex);
    if (!handled_->let_go_at) return;
    surplus_.stage = Surplus::Stage::heard;
    surplus_.since = *handled_->let_go_at;
  }
  if (settled_() <= surplus_.since) return;
  if (surplus_.stage == Surplus::Stage::chosen) return tell_given_up();
  clear_given_up();
}

// The core hears it in its next turn, and what it decided before is with the writer after that.
void Keeper::tell_given_up() {
  surplus_.stage = Surplus::Stage::told;
  {
    const std::lock_guard lock(handled_->mutex);
    handled_->let_go_at.reset();
  }
  loop_.post([this, tasks = surplus_.tasks, no = standing_.last_number()] {
    if (!standing_.still(no)) return;  // with all the others, which begins anew
    if (auto events = standing_.held().give_up(tasks); !events.empty()) page_(std::move(events));
    loop_.post([this, handled = handled_] {
      {
        const std::lock_guard lock(handled->mutex);
        handled->let_go_at = Clock::now();
      }
      ::eventfd_write(call_.get(), 1);
    });
  });
}

// A task may have been deleted meanwhile: its deliveries were left in our hands, where nobody knows of them any more.
void Keeper::clear_given_up() {
  Array numbers(Array::Kind::number);
  for (const TaskNo no : surplus_.tasks) numbers.add(no);
  const Value tasks = numbers.take();
  const Value self(standing_.last_number());
  db_->run("BEGIN");
  static_cast<void>(db_->exec("UPDATE tasks SET holder = 0 WHERE no = ANY(?::bigint[]) AND holder = ?", {tasks, self}));
  static_cast<void>(
      db_->exec("UPDATE deliveries SET holder = 0 WHERE task = ANY(?::bigint[]) AND holder = ? AND state IN (0, 2)",
                {tasks, self}));
  static_cast<void>(db_->exec("SELECT pg_notify(?, ?)", {Value(channel(*db_)), Value("0 free")}));
  db_->run("COMMIT");
  standing_.held().gave_up();
  surplus_ = {};
  balance_at_ = {};  // there may be more
}

// What is done and has nothing to deliver any more need not be remembered.
void Keeper::forget_settled() {
  const auto now = Clock::now();
  const auto list = [this](const std::vector<std::int64_t>& held, const char* sql) {
    Array numbers(Array::Kind::number);
    for (const std::int64_t no : held) numbers.add(no);
    std::vector<std::int64_t> settled;
    if (held.empty()) return settled;
    Rows rows = db_->exec(sql, {numbers.take()});
    while (rows.next()) settled.push_back(rows.integer(0));
    return settled;
  };
  standing_.held().settled(list(standing_.held().done_ones(),
                                "SELECT k.no FROM unnest(?::bigint[]) AS k(no) WHERE NOT EXISTS (SELECT 1 FROM "
                                "deliveries WHERE task = k.no AND state = 0)"),
                           now);
  standing_.held().settled_deliveries(list(standing_.held().deliveries(),
                                           "SELECT k.no FROM unnest(?::bigint[]) AS k(no) WHERE NOT EXISTS (SELECT 1 "
                                           "FROM deliveries WHERE deliveries.no = k.no AND state = 0)"),
                                      now);
}

void Keeper::compact_counters() {
  db_->run(
      "WITH gone AS (DELETE FROM counters WHERE ctid IN (SELECT ctid FROM counters FOR UPDATE SKIP LOCKED) RETURNING "
      "kind, n) INSERT INTO counters SELECT kind, sum(n) FROM gone GROUP BY kind");
}

}  // namespace mjwatchd::store::postgres

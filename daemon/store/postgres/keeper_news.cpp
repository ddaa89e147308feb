// What the keeper tells: at the start, and when others call.
#include <algorithm>

#include "daemon/store/delivery_row.hpp"
#include "daemon/store/postgres/keeper.hpp"
#include "daemon/store/store.hpp"
#include "daemon/store/task_row.hpp"

namespace mjwatchd::store::postgres {
namespace {

constexpr std::size_t kPagesAhead = 4;  ///< that the loop has not taken in yet
constexpr std::int64_t kEventsAtOnce = 500;
constexpr std::size_t kHeldAtOnce = 10'000;

/// Deliveries that wait and are ours, each with its task's name and phase, which are null if it has none any more.
#define MJWATCHD_OWN_DELIVERIES                                                                            \
  MJWATCHD_DELIVERY_COLUMNS ", tasks.gateway, tasks.id, tasks.phase FROM " MJWATCHD_DELIVERY_TABLES        \
                            " LEFT JOIN tasks ON tasks.no = deliveries.task AND deliveries.holder IS NULL" \
                            " WHERE deliveries.state = 0 AND coalesce(deliveries.holder, tasks.holder) = ?"

/// What was taken under a lease. Held deliveries are nobody's, and known to all.
bool was_taken(const Event& event) {
  const auto* delivery = std::get_if<event::DeliveryAdopted>(&event);
  return std::holds_alternative<event::Adopted>(event) ||
         (delivery != nullptr && delivery->delivery.state == DeliveryState::pending);
}

}  // namespace

// The loop may have let all go before it comes to this page: then what was taken is no longer to be taken up.
void Keeper::tell(std::vector<Event> page) {
  {
    const std::lock_guard lock(handled_->mutex);
    ++handled_->waiting;
  }
  loop_.post([this, handled = handled_, no = standing_.last_number(), page = std::move(page)]() mutable {
    {
      const std::lock_guard lock(handled->mutex);
      --handled->waiting;
    }
    handled->wake.notify_all();
    const bool last = page.empty();  // of the first ones
    if (!standing_.still(no)) std::erase_if(page, was_taken);
    standing_.held().keep_own(page);
    if (page_ && (last || !page.empty())) page_(std::move(page));
  });
  flow();
}

/// Waits until the loop has taken in most of what it was told.
void Keeper::flow() {
  std::unique_lock lock(handled_->mutex);
  handled_->wake.wait(lock, [this] { return closing_ || handled_->waiting < kPagesAhead; });
}

void Keeper::first_pages() {
  remove_the_dead();  // says how many share, before anything is asked
  std::vector<Event> page;
  Rows receivers = db_->exec(
      "SELECT name, disabled, failing_since FROM receivers WHERE disabled = 1 OR failing_since IS NOT NULL", {});
  while (receivers.next()) {
    page.emplace_back(
        event::ReceiverAdopted{receivers.text(0), receivers.integer(1) != 0, receivers.maybe<WallTime>(2)});
  }
  Rows learned = db_->exec("SELECT gateway, state FROM learned ORDER BY gateway", {});
  while (learned.next()) page.emplace_back(event::LearnedAdopted{learned.text(0), learned.text(1)});
  if (!page.empty()) tell(std::move(page));
  // Held ones are nobody's until they are freed; each daemon knows of them, and any may free them.
  for (DeliveryNo after = 0;;) {
    page.clear();
    Rows held = db_->exec("SELECT " MJWATCHD_DELIVERY_COLUMNS " FROM " MJWATCHD_DELIVERY_TABLES
                          " WHERE deliveries.state = 2 AND deliveries.no > ? ORDER BY deliveries.no LIMIT ?",
                          {Value(after), Value(kHeldAtOnce)});
    while (held.next()) {
      page.emplace_back(event::DeliveryAdopted{read_delivery(held)});
      after = held.integer(0);
    }
    if (page.empty()) break;
    beat();
    tell(std::move(page));
  }
  balance();
  tell({});
  first_pages_told_ = true;
}

void Keeper::share(unsigned daemons) {
  if (shared_ == daemons) return;
  shared_ = daemons;
  tell({event::Shared{daemons}});
}

/// What nobody listens to need not be read. Who came while the last number was asked for may mean what is before it.
bool Keeper::skip_events() {
  if (!options_.listening || options_.listening()) return false;
  const EventNo last = db_->number("SELECT value FROM meta WHERE name = 'events'");
  if (options_.listening()) return false;
  if (heard_to_ != last) leave_untold(last);
  return true;
}

void Keeper::leave_untold(EventNo to) {
  heard_to_ = to;
  if (options_.untold) loop_.post([untold = options_.untold, to] { untold(to); });
}

void Keeper::events_since() {
  while (!skip_events()) {
    std::vector<CommittedEvent> events;
    Rows rows = db_->exec(
        "SELECT no, type, gateway, id, sequence, at, webhook_id, body FROM events WHERE no > ? "
        "AND daemon <> ? ORDER BY no LIMIT ?",
        {Value(*heard_to_), Value(standing_.last_number()), Value(kEventsAtOnce)});
    while (rows.next()) {
      CommittedEvent event;
      event.no = rows.integer(0);
      event.type = rows.as<EventType>(1);
      event.key = {rows.text(2), rows.text(3)};
      event.sequence = rows.as<std::uint32_t>(4);
      event.at = rows.time(5);
      event.webhook_id = rows.text(6);
      event.body = std::make_shared<const std::string>(rows.text(7));
      events.push_back(std::move(event));
    }
    if (events.empty()) return;
    heard_to_ = events.back().no;
    const bool all = static_cast<std::int64_t>(events.size()) < kEventsAtOnce;
    loop_.post([heard = heard_, events = std::move(events)]() mutable { heard(std::move(events)); });
    if (all) return;
  }
}

/// Its deliveries go on without it, in our hands. Which task has its name is known for sure on the loop's thread only.
void Keeper::task_gone(TaskNo task) {
  loop_.post([this, task] {
    if (auto key = standing_.held().deleted(task); key && page_) page_({event::Released{std::move(*key), 0}});
  });
}

void Keeper::deliveries_came(const std::string& numbers) {
  tell_deliveries(db_->exec("SELECT " MJWATCHD_OWN_DELIVERIES
                            " AND deliveries.no = ANY(string_to_array(?, ',')::bigint[]) ORDER BY deliveries.no",
                            {Value(standing_.last_number()), Value(numbers)}));
}

/// Of MJWATCHD_OWN_DELIVERIES.
void Keeper::tell_deliveries(Rows rows) {
  std::vector<Event> page;
  while (rows.next()) {
    DeliveryRecord record = read_delivery(rows);
    if (rows.null(kDeliveryColumns)) {
      standing_.held().hold_delivery(record.no);
    } else {
      const bool live = rows.as<Phase>(kDeliveryColumns + 2) != Phase::done;
      const TaskKey key{rows.text(kDeliveryColumns), rows.text(kDeliveryColumns + 1)};
      standing_.held().hold_again(record.task, key, live);
    }
    page.emplace_back(event::DeliveryAdopted{std::move(record)});
  }
  if (!page.empty()) tell(std::move(page));
}

/// What was called while nobody could hear it: receivers that were disabled or enabled, tasks that were deleted, and
/// deliveries that came. To hear of what is known already changes nothing.
void Keeper::look_again() {
  tell_receivers();
  const std::vector<TaskNo> held = standing_.held().tasks();
  for (std::size_t from = 0; from < held.size(); from += kHeldAtOnce) {
    beat();
    Array numbers(Array::Kind::number);
    for (std::size_t i = from; i < std::min(held.size(), from + kHeldAtOnce); ++i) numbers.add(held[i]);
    Rows gone = db_->exec(
        "SELECT k.no FROM unnest(?::bigint[]) AS k(no) WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.no = k.no)",
        {numbers.take()});
    while (gone.next()) task_gone(gone.integer(0));
  }
  // What comes by a call begins a round of attempts.
  for (DeliveryNo after = 0;;) {
    beat();
    Rows rows = db_->exec("SELECT " MJWATCHD_OWN_DELIVERIES
                          " AND deliveries.attempts = 0 AND deliveries.no > ? ORDER BY deliveries.no LIMIT ?",
                          {Value(standing_.last_number()), Value(after), Value(kHeldAtOnce)});
    const std::int64_t found = rows.changed();
    if (found == 0) return;
    after = rows.last(0);
    tell_deliveries(std::move(rows));
  }
}

/// All of them: which ones the core takes for disabled is not known here.
void Keeper::tell_receivers() {
  for (std::int64_t after = 0;;) {
    std::vector<Event> page;
    Rows rows = db_->exec("SELECT no, name, disabled, failing_since FROM receivers WHERE no > ? ORDER BY no LIMIT ?",
                          {Value(after), Value(kHeldAtOnce)});
    while (rows.next()) {
      after = rows.integer(0);
      page.emplace_back(event::ReceiverAdopted{rows.text(1), rows.integer(2) != 0, rows.maybe<WallTime>(3)});
    }
    if (page.empty()) return;
    tell(std::move(page));
  }
}

void Keeper::refresh_wanted(TaskNo task, bool pictures) {
  Rows rows = db_->exec("SELECT " MJWATCHD_TASK_COLUMNS " FROM tasks WHERE no = ? AND holder = ?",
                        {Value(task), Value(standing_.last_number())});
  if (!rows.next()) return;  // it moved on, and is asked for where it came to
  tell({refresh_asked(std::move(read_task(rows).record), pictures)});
}

void Keeper::receiver_changed(const std::string& name) {
  Rows rows = db_->exec("SELECT disabled, failing_since FROM receivers WHERE name = ?", {Value(name)});
  if (!rows.next()) return;
  tell({event::ReceiverAdopted{name, rows.integer(0) != 0, rows.maybe<WallTime>(1)}});
}

}  // namespace mjwatchd::store::postgres

// One transaction of the writer, and what follows when it fails.
#include <spdlog/spdlog.h>

#include "daemon/store/postgres/schema.hpp"
#include "daemon/store/postgres/writer.hpp"

namespace mjwatchd::store::postgres {
namespace {

constexpr int kAgain = 20;                    ///< so often is tried what others were in the way of
constexpr std::chrono::seconds kLastWait{5};  ///< at the end, for a database that is away
constexpr milliseconds kFirstRest{100};
constexpr milliseconds kLongestRest{2'000};
constexpr std::size_t kNumbersInANote = 400;  ///< what others are called may be 8,000 bytes long
constexpr const char* kFuture = "22023";      ///< SQLSTATE: no such transaction number was given out yet
constexpr const char* kNotOurs = "this daemon no longer holds the task";

/// There is an index for all that is looked up here. Of a list that was just filled PostgreSQL has no statistics, and
/// would rather make bitmaps, which come upon each dead version of a row again and again.
constexpr const char* kByIndex =
    "SET enable_bitmapscan = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
    "SET jit = off";

/// The store is being closed, and the database did not come back.
class GivenUp : public std::runtime_error {
 public:
  GivenUp() : std::runtime_error("the daemon ended before the database was there again") {}
};

CommitResult failed(const std::exception& error) { return only(CommitResult::Code::failed, error.what()); }

/// Events that were numbered as the first, second, … of their transaction get the numbers that they have.
void number_events(std::vector<CommitResult>& results, EventNo before) {
  const auto number = [before](EventNo& no) { no = no < 0 ? before - no : no; };
  for (CommitResult& result : results) {
    for (CommittedEvent& one : result.events) number(one.no);
    for (DeliveryRecord& one : result.deliveries) number(one.event);
    for (DeliveryRecord& one : result.elsewhere) number(one.event);
  }
}

bool needs_lease(const Change& change) {
  return std::holds_alternative<change::Task>(change) || std::holds_alternative<change::Delivery>(change);
}

}  // namespace

// All together; when one of them can't be applied, each by itself, so that the others are.
Writer::Results Writer::apply_all(const Batch& batch) {
  Results results;
  std::span<const Job> rest = batch;
  try {
    apply_surely(rest, results);
    return results;
  } catch (const GivenUp& error) {  // it may be in doubt: nothing of it is tried again
    return Results(batch.size(), failed(error));
  } catch (const std::exception&) {
    results.clear();
  }
  for (; !rest.empty(); rest = rest.subspan(1)) {
    Results one;
    try {
      apply_surely(rest.first(1), one);
      results.push_back(std::move(one.front()));
    } catch (const GivenUp& error) {
      results.resize(batch.size(), failed(error));
      break;
    } catch (const std::exception& error) {
      const auto* postgres = dynamic_cast<const PostgresError*>(&error);
      const bool no_room = postgres != nullptr && postgres->full();
      const bool registration = std::holds_alternative<change::Register>(rest.front().change);
      spdlog::error("the store could not apply a change: {}", error.what());
      results.push_back(failed(error));
      if (no_room && registration) results.back().code = CommitResult::Code::full;
    }
  }
  return results;
}

// Until it is known to be written. Throws when it can't be, for a reason of its own.
void Writer::apply_surely(std::span<const Job> jobs, Results& results) {
  for (int attempt = 1;;) {
    results.clear();
    effects_.clear();
    ending_ = 0;
    try {
      apply_once(jobs, results);
      return took_effect();
    } catch (const NotAMember&) {
      back_out();
      rest(kFirstRest);  // we join again by ourselves
    } catch (const PostgresError& error) {
      const std::int64_t ending = ending_;
      back_out();
      if (error.lost()) {
        hang_up();  // one that only reads, too: the next one is asked whether it writes
        spdlog::warn("the connection to PostgreSQL is lost, and made again: {}", error.what());
        if (ending != 0 && committed(ending)) {
          number_events(results, before_first(results));
          return took_effect();
        }
        continue;
      }
      if (!error.again() || ++attempt > kAgain) throw;
      rest(milliseconds(attempt));
    } catch (...) {
      back_out();
      throw;
    }
  }
}

void Writer::apply_once(std::span<const Job> jobs, Results& results) {
  BatchTables& in = tables();
  busy_since_.begin();
  std::vector<const Change*> changes;
  for (const Job& job : jobs) changes.push_back(&job.change);
  std::vector<std::string> endpoints;
  for (const auto& [name, rules] : jobs.front().rules->endpoints) endpoints.push_back(name);
  number_ = standing_.last_number();
  in.begin(changes, number_, endpoints, standing_.held());
  for (const Job& job : jobs) results.push_back(apply_one(job));
  ending_ = in.transaction();
  number_events(results, in.commit(channel_));
}

CommitResult Writer::apply_one(const Job& job) {
  BatchTables& tables = *tables_;
  // What was given under an earlier number was decided before others may have gone on.
  const bool late = job.origin.daemon != tables.self() && needs_lease(job.change);
  if (late || !tables.may(job.change)) return only(CommitResult::Code::missing, kNotOurs);
  if (const auto* forget = std::get_if<change::Forget>(&job.change)) {
    const TaskNo no = tables.tell_holder(forget->key);
    effects_.emplace_back([this, no] { static_cast<void>(standing_.held().deleted(no)); });
  }
  Transaction in{tables, secrets_, *job.rules};
  CommitResult result = apply(in, job.change);
  if (result.code == CommitResult::Code::done) {
    tell_others(job.change, result);
    note(job.change, result);
  }
  return result;
}

void Writer::tell_others(const Change& change, CommitResult& result) {
  if (const auto* receiver = std::get_if<change::Receiver>(&change)) tables_->call("receiver " + receiver->name);
  const bool anyones = std::holds_alternative<change::Receiver>(change) ||
                       std::holds_alternative<change::Replay>(change) ||
                       std::holds_alternative<change::AddReceiver>(change);
  if (anyones && !result.deliveries.empty()) keep_own(result);
  const auto* task = std::get_if<change::Task>(&change);
  if (task != nullptr && !tables_->holds(task->key)) leave(result);
}

// A picture that came late to a task that nobody holds: what is to be sent of it is for who takes up all of the task.
void Writer::leave(CommitResult& result) {
  if (result.deliveries.empty()) return;
  std::move(result.deliveries.begin(), result.deliveries.end(), std::back_inserter(result.elsewhere));
  result.deliveries.clear();
  tables_->call_for_takers();
}

// Deliveries go to who holds their task, or them. What nobody holds is ours now, if there was nothing to be done about
// it before: else somebody must take up all of it.
void Writer::keep_own(CommitResult& result) {
  std::vector<DeliveryNo> numbers;
  for (const DeliveryRecord& one : result.deliveries) numbers.push_back(one.no);
  BatchTables::Owned owned = tables_->take_free(numbers);
  for (const auto& [no, task] : owned.tasks) {
    effects_.emplace_back([this, no = no, task = task] { standing_.held().hold_again(no, task.key, task.live); });
  }
  for (const DeliveryNo no : owned.alone) {
    effects_.emplace_back([this, no] { standing_.held().hold_delivery(no); });
  }
  if (owned.more) tables_->call_for_takers();
  std::vector<DeliveryRecord> own;
  std::string others;
  std::size_t named = 0;
  const auto call = [&] {
    if (named != 0) tables_->call("deliveries " + others);
    others.clear();
    named = 0;
  };
  for (DeliveryRecord& one : result.deliveries) {
    // What is still held tells the core to ask again, whoever will have it.
    if (one.state != DeliveryState::pending || owned.deliveries.contains(one.no)) {
      own.push_back(std::move(one));
      continue;
    }
    others += (others.empty() ? "" : ",") + std::to_string(one.no);
    result.elsewhere.push_back(std::move(one));
    if (++named == kNumbersInANote) call();
  }
  call();
  result.deliveries = std::move(own);
}

/// What we hold is otherwise once this is committed.
void Writer::note(const Change& change, const CommitResult& result) {
  if (const auto* wish = std::get_if<change::Register>(&change)) {
    const TaskNo no = tables_->number_of(wish->registration.key);
    effects_.emplace_back([this, no, key = wish->registration.key] { standing_.held().hold_new(no, key); });
  } else if (const auto* task = std::get_if<change::Task>(&change)) {
    const TaskNo no = tables_->number_of(task->key);
    const bool some = !result.deliveries.empty();
    if (task->phase != Phase::done && some) effects_.emplace_back([this, no] { standing_.held().delivers(no); });
    if (task->phase != Phase::done) return;
    effects_.emplace_back([this, no, some, key = task->key] {
      standing_.held().ended(no);
      if (some) standing_.held().hold_again(no, key, false);
    });
  } else if (std::holds_alternative<change::Test>(change)) {
    for (const DeliveryRecord& one : result.deliveries) {
      effects_.emplace_back([this, no = one.no] { standing_.held().hold_delivery(no); });
    }
  }
}

// Not if all was let go meanwhile: under a number that counts no more nothing is held.
void Writer::took_effect() {
  const auto effects = std::exchange(effects_, {});
  if (!standing_.still(number_)) return;
  for (const auto& effect : effects) effect();
}

BatchTables& Writer::tables() {
  for (milliseconds pause = kFirstRest; !db_; pause = std::min(2 * pause, kLongestRest)) {
    try {
      db_ = std::make_unique<Connection>(address_);
      db_->script(kByIndex);
      tables_ = std::make_unique<BatchTables>(*db_);
      channel_ = channel(*db_);
      standing_.away({});
      return *tables_;
    } catch (const PostgresError& error) {
      hang_up();
      standing_.away(error.what());
    }
    rest(pause);
  }
  return *tables_;
}

// A COMMIT whose answer was lost may have been done, may be going on, or was never begun. What can't be asked now is
// asked later: to try again what was done would be to do it twice.
bool Writer::committed(std::int64_t transaction) {
  for (;;) {
    try {
      static_cast<void>(tables());
      Rows rows = db_->exec("SELECT coalesce(pg_xact_status(?::xid8), 'aborted')", {Value(transaction)});
      const std::string status = rows.next() ? rows.text(0) : "aborted";
      if (status != "in progress") return status == "committed";
    } catch (const PostgresError& error) {
      if (error.state() == kFuture) return false;  // a standby took over that never had it
      back_out();
    }
    rest(kFirstRest);
  }
}

// The answer that was lost would have said it: any event of the transaction tells it as well.
EventNo Writer::before_first(const Results& results) {
  const CommittedEvent* known = nullptr;
  for (const CommitResult& result : results) {
    for (const CommittedEvent& one : result.events) known = one.no < 0 ? &one : known;
  }
  while (known != nullptr) {
    try {
      static_cast<void>(tables());
      return known->no + db_->number("SELECT no FROM events WHERE gateway = ? AND id = ? AND webhook_id = ?",
                                     known->key.gateway, known->key.id, known->webhook_id);
    } catch (const PostgresError&) {
      back_out();
    }
    rest(kFirstRest);
  }
  return 0;
}

void Writer::back_out() {
  if (!db_) return;
  tables_->drop();
  try {
    if (db_->good() && db_->in_transaction()) db_->run("ROLLBACK");
  } catch (const PostgresError&) {  // then the connection is gone, and with it the transaction
  }
  if (!db_->good() || db_->in_transaction()) hang_up();
}

void Writer::hang_up() {
  tables_.reset();
  db_.reset();
}

// While it is waited for the database, nothing hangs but the database: that is told as what it is.
void Writer::rest(milliseconds time) {
  busy_since_.end();
  if (!queue_.sleep(time, kLastWait)) throw GivenUp();
}

}  // namespace mjwatchd::store::postgres

#include "daemon/store/postgres/check.hpp"

#include <stdexcept>

#include "daemon/store/postgres/schema.hpp"

namespace mjwatchd::store {
namespace {

// What SQLite's check says of enumerations holds here as well.
constexpr CheckRule kRules[] = {
    {"counters differ from what is there",
     "SELECT 'kind '||kind||': '||sum(counted)||' counted, '||sum(there)||' there' FROM ("
     "SELECT kind, n AS counted, 0 AS there FROM counters UNION ALL SELECT phase, 0, count(*) FROM tasks GROUP BY "
     "phase "
     "UNION ALL SELECT 10 + state, 0, count(*) FROM deliveries GROUP BY state) AS both_sides GROUP BY kind "
     "HAVING sum(counted) <> sum(there)"},
    {"tasks with more than one final event",
     "SELECT min(gateway||'/'||id) FROM events WHERE type IN (4, 5, 6, 8, 9) GROUP BY task HAVING count(*) > 1"},
    {"events with a number that another of their task has",
     "SELECT min(gateway||'/'||id)||' number '||sequence FROM events WHERE task <> 0 GROUP BY task, sequence "
     "HAVING count(*) > 1"},
    {"events numbered beyond what was given out",
     "SELECT webhook_id FROM events WHERE no > (SELECT value FROM meta WHERE name = 'events')"},
    {"deliveries that nobody will ever take up: their task is gone, and they have no holder of their own",
     "SELECT 'delivery '||no FROM deliveries WHERE state IN (0, 2) AND holder IS NULL AND NOT EXISTS "
     "(SELECT 1 FROM tasks WHERE tasks.no = task)"},
};

}  // namespace

CheckReport check_postgres(const std::string& url, const std::string& password) {
  CheckReport report;
  try {
    postgres::Connection db(postgres::Address{url, password, std::chrono::seconds(30)});
    db.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    postgres::need_schema(db);
    for (const CheckRule& rule : kRules) ask_rule(db, rule, report.wrong);
    for (const CheckRule& rule : common_rules()) ask_rule(db, rule, report.wrong);
    report.tasks = db.number("SELECT count(*) FROM tasks");
    report.events = db.number("SELECT count(*) FROM events");
    report.deliveries = db.number("SELECT count(*) FROM deliveries");
  } catch (const postgres::PostgresError& error) {
    throw std::runtime_error(std::string("store: PostgreSQL can't be used: ") + error.what());
  }
  return report;
}

}  // namespace mjwatchd::store

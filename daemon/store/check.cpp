#include "daemon/store/check.hpp"

#include <array>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/schema.hpp"

namespace mjwatchd::store {
namespace {

// Numbers of enumerations: phase done is 3, final events are 4-6, 8 and 9 (succeeded, failed, cancelled,
// expired, lost). Events go before their tasks when space is short, so those may be missing.
constexpr std::array kRules{
    CheckRule{"counters differ from what is there",
              "SELECT 'kind '||c.kind||': '||c.n||' counted, '||(CASE WHEN c.kind < 10"
              " THEN (SELECT count(*) FROM tasks WHERE phase = c.kind)"
              " ELSE (SELECT count(*) FROM deliveries WHERE state = c.kind - 10) END)||' there' FROM counters c"
              " WHERE c.n <> (CASE WHEN c.kind < 10 THEN (SELECT count(*) FROM tasks WHERE phase = c.kind)"
              " ELSE (SELECT count(*) FROM deliveries WHERE state = c.kind - 10) END)"},
    CheckRule{"counters are missing", "SELECT 'of '||(9 - count(*))||' kinds' FROM counters HAVING count(*) <> 9"},
    CheckRule{"texts that are no JSON",
              "SELECT 'task number '||task FROM task_texts WHERE NOT (json_valid(given) AND json_valid(metadata)"
              " AND (object = '' OR json_valid(object)) AND (images = '' OR json_valid(images)))"},
    CheckRule{"tasks with more than one final event",
              "SELECT gateway||'/'||id FROM events WHERE type IN (4, 5, 6, 8, 9) GROUP BY task HAVING count(*) > 1"},
    CheckRule{"events with a number that another of their task has",
              "SELECT gateway||'/'||id||' number '||sequence FROM events WHERE task <> 0 GROUP BY task, sequence"
              " HAVING count(*) > 1"},
    CheckRule{"events whose body is no JSON", "SELECT webhook_id FROM events WHERE NOT json_valid(body)"},
};

// What every database can be asked.
constexpr std::array kCommonRules{
    CheckRule{"tasks with a word that no version wrote",
              "SELECT gateway||'/'||id FROM tasks WHERE phase NOT BETWEEN 0 AND 3 OR status NOT BETWEEN 0 AND 7"
              " OR ending NOT BETWEEN 0 AND 5"},
    CheckRule{"tasks without their texts",
              "SELECT gateway||'/'||id FROM tasks WHERE no NOT IN (SELECT task FROM task_texts)"},
    CheckRule{"tasks that are done without an end, or ended and still watched",
              "SELECT gateway||'/'||id FROM tasks WHERE (phase = 3) <> (ended_at IS NOT NULL)"
              " OR (phase = 3 AND ending = 0) OR (phase = 0 AND ending <> 0)"},
    CheckRule{"events numbered beyond what their task has counted",
              "SELECT e.gateway||'/'||e.id||' number '||e.sequence FROM events e JOIN tasks t ON t.no = e.task"
              " WHERE e.sequence > t.sequence"},
    CheckRule{"events under one webhook-id", "SELECT webhook_id FROM events GROUP BY webhook_id HAVING count(*) > 1"},
    CheckRule{"deliveries in a state that no version wrote",
              "SELECT 'delivery '||no FROM deliveries WHERE state NOT BETWEEN 0 AND 4"},
    CheckRule{"deliveries of no event",
              "SELECT 'delivery '||no FROM deliveries WHERE event NOT IN (SELECT no FROM events)"},
    CheckRule{"deliveries that say other things than their event",
              "SELECT 'delivery '||d.no FROM deliveries d JOIN events e ON e.no = d.event"
              " WHERE d.task <> e.task OR d.sequence <> e.sequence OR d.type <> e.type"},
    CheckRule{"deliveries to no receiver",
              "SELECT 'delivery '||no FROM deliveries WHERE receiver NOT IN (SELECT no FROM receivers)"},
    CheckRule{
        "deliveries whose URL is gone",
        "SELECT 'delivery '||no FROM deliveries WHERE target IS NOT NULL AND target NOT IN (SELECT no FROM targets)"},
    CheckRule{"attempts of no delivery",
              "SELECT 'delivery '||delivery FROM attempts WHERE delivery NOT IN (SELECT no FROM deliveries)"
              " GROUP BY delivery"},
    CheckRule{"receivers of tasks that are not there",
              "SELECT 'target '||no FROM targets WHERE receiver NOT IN (SELECT no FROM receivers)"},
};

constexpr int kExamples = 5;

void ask_sqlite(Connection& db, std::vector<std::string>& wrong) {
  Query row(db, "PRAGMA integrity_check(20)");
  while (row.next()) {
    if (row.text(0) != "ok") wrong.push_back("the file is damaged: " + row.text(0));
  }
}

}  // namespace

template <typename Db>
void ask_rule(Db& db, const CheckRule& rule, std::vector<std::string>& wrong) {
  typename Db::Query row(db, rule.sql);
  std::string examples;
  int found = 0;
  for (; row.next(); ++found) {
    if (found < kExamples) examples += (found == 0 ? "" : ", ") + row.text(0);
  }
  if (found == 0) return;
  if (found > kExamples) examples += " and " + std::to_string(found - kExamples) + " more";
  wrong.push_back(std::string(rule.wrong) + ": " + examples);
}

template void ask_rule(Connection&, const CheckRule&, std::vector<std::string>&);
template void ask_rule(postgres::Connection&, const CheckRule&, std::vector<std::string>&);

std::span<const CheckRule> common_rules() { return kCommonRules; }

CheckReport check_store(const std::filesystem::path& file) {
  CheckReport report;
  const auto db = open_for_checking(file);
  try {
    db->run("BEGIN");  // one moment of it, whatever a daemon writes meanwhile
    ask_sqlite(*db, report.wrong);
    if (!report.wrong.empty()) return report;  // what rows say means nothing then
    for (const CheckRule& rule : kRules) ask_rule(*db, rule, report.wrong);
    for (const CheckRule& rule : kCommonRules) ask_rule(*db, rule, report.wrong);
    report.tasks = db->number("SELECT count(*) FROM tasks");
    report.events = db->number("SELECT count(*) FROM events");
    report.deliveries = db->number("SELECT count(*) FROM deliveries");
  } catch (const SqliteError& error) {
    report.wrong.push_back(std::string("the file is damaged: ") + error.what());
  }
  return report;
}

}  // namespace mjwatchd::store

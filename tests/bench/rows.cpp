// What SQLite alone takes for the rows that the daemon wrote: reads them from its database into
// memory, and inserts them into a new one of the same schema in a bare loop, a thousand to a
// transaction, synced like the daemon's.
//
//   bench_rows DATABASE NEW_DATABASE      prints "ROWS SECONDS" (rows: tasks; each has one of texts, too)
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int kTogether = 1000;

using Cells = std::vector<sqlite3_value*>;

void check(sqlite3* db, int code) {
  if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(db));
}

sqlite3_stmt* prepare(sqlite3* db, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  check(db, sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr));
  return statement;
}

void run(sqlite3* db, const std::string& sql) { check(db, sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr)); }

sqlite3* open(const char* file) {
  sqlite3* db = nullptr;
  check(db, sqlite3_open(file, &db));
  return db;
}

std::vector<Cells> rows(sqlite3* db, const std::string& table) {
  sqlite3_stmt* statement = prepare(db, "SELECT * FROM " + table + " ORDER BY 1");
  std::vector<Cells> all;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    Cells cells;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      cells.push_back(sqlite3_value_dup(sqlite3_column_value(statement, i)));
    }
    all.push_back(std::move(cells));
  }
  sqlite3_finalize(statement);
  return all;
}

void copy_schema(sqlite3* from, sqlite3* to) {
  sqlite3_stmt* statement =
      prepare(from, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'");
  while (sqlite3_step(statement) == SQLITE_ROW) {
    run(to, reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
  }
  sqlite3_finalize(statement);
}

sqlite3_stmt* inserting(sqlite3* db, const std::string& table, std::size_t columns) {
  std::string marks = "?";
  for (std::size_t i = 1; i < columns; ++i) marks += ",?";
  return prepare(db, "INSERT INTO " + table + " VALUES (" + marks + ")");
}

void insert(sqlite3* db, sqlite3_stmt* statement, const Cells& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) sqlite3_bind_value(statement, static_cast<int>(i) + 1, cells[i]);
  check(db, sqlite3_step(statement));
  sqlite3_reset(statement);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  sqlite3* from = open(argv[1]);
  const auto tasks = rows(from, "tasks");
  const auto texts = rows(from, "task_texts");
  sqlite3* to = open(argv[2]);
  copy_schema(from, to);
  run(to, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384");
  sqlite3_stmt* task = inserting(to, "tasks", tasks.at(0).size());
  sqlite3_stmt* text = inserting(to, "task_texts", texts.at(0).size());
  const auto begin = std::chrono::steady_clock::now();
  run(to, "BEGIN");
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    insert(to, task, tasks[i]);
    insert(to, text, texts.at(i));
    if (i % kTogether == kTogether - 1) run(to, "COMMIT; BEGIN");
  }
  run(to, "COMMIT");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%zu %.3f\n", tasks.size(), took.count());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_rows: %s\n", error.what());
  return 1;
}

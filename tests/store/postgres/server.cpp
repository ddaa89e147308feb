#include "tests/store/postgres/server.hpp"

#include <doctest/doctest.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>

namespace mjwatchd::store::test {
namespace {

namespace fs = std::filesystem;

fs::path newest_programs() {
  fs::path found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(entry.path() / "bin" / "initdb")) found = std::max(found, entry.path() / "bin");
  }
  REQUIRE_MESSAGE(!found.empty(), "PostgreSQL is not installed: sh daemon/install-packages.sh tests");
  return found;
}

std::int64_t ask(const std::string& url, const std::string& sql) {
  PGconn* const db = PQconnectdb(url.c_str());
  REQUIRE_MESSAGE(PQstatus(db) == CONNECTION_OK, PQerrorMessage(db));
  PGresult* const result = PQexec(db, sql.c_str());
  const auto status = PQresultStatus(result);
  REQUIRE_MESSAGE((status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK), PQerrorMessage(db));
  const std::int64_t number = PQntuples(result) > 0 ? std::strtoll(PQgetvalue(result, 0, 0), nullptr, 10) : -1;
  PQclear(result);
  PQfinish(db);
  return number;
}

}  // namespace

Server& Server::instance() {
  static Server server;
  return server;
}

Server::Server() : programs_(newest_programs()) {
  std::string name = "/tmp/mjwatchd-pg-XXXXXX";  // short: the path of a socket is
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
  if (::geteuid() == 0) {
    const passwd* const user = ::getpwnam("postgres");
    REQUIRE(user != nullptr);
    REQUIRE(::chown(folder_.c_str(), user->pw_uid, user->pw_gid) == 0);
  }
  run("initdb", {"-D", folder_ / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"});
  start();
}

Server::~Server() {
  // The tests are over, so that nothing may be required any more; and it may have been stopped by one of them.
  static_cast<void>(std::system(line("pg_ctl", {"-D", folder_ / "data", "-m", "immediate", "-w", "stop"}).c_str()));
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Server::start() {
  run("pg_ctl", {"-D", folder_ / "data", "-w", "-l", folder_ / "log", "-o",
                 "'-k " + folder_.string() + " -h \"\" -c fsync=off -c max_connections=200'", "start"});
}

std::string Server::new_list() {
  const std::string name = "list" + std::to_string(++lists_);
  const std::string url = "postgresql://postgres@/postgres?host=" + folder_.string();
  static_cast<void>(ask(url, "CREATE SCHEMA " + name));
  return url + "&options=-csearch_path%3D" + name;
}

std::int64_t Server::look(const std::string& url, const std::string& sql) const { return ask(url, sql); }

std::string Server::line(const std::string& program, const std::vector<std::string>& words) const {
  std::string text = "cd " + folder_.string() + " && ";
  if (::geteuid() == 0) text += "runuser -u postgres -- ";
  text += programs_ / program;
  for (const std::string& word : words) text += " " + word;
  return text + " >/dev/null 2>&1 </dev/null";
}

void Server::run(const std::string& program, const std::vector<std::string>& words) const {
  const std::string text = line(program, words);
  REQUIRE_MESSAGE(std::system(text.c_str()) == 0, text);
}

}  // namespace mjwatchd::store::test

#include <doctest/doctest.h>

#include "daemon/client/commands.hpp"
#include "daemon/client/progress_bars.hpp"
#include "daemon/client/table.hpp"

using namespace mjwatchd::client;

TEST_CASE("a table is cut to the terminal's width, and whole in a pipe") {
  Table table({"ID", "PICTURE"});
  table.add({"1", "/var/lib/mjwatchd/images/octopusx/1712158011464906.png"});
  const auto narrow = table.print(Terminal{true, false, 30});
  for (std::size_t at = 0; at < narrow.size();) {
    const auto end = narrow.find('\n', at);
    CHECK(columns(narrow.substr(at, end - at)) <= 30);
    at = end + 1;
  }
  CHECK(narrow.find("…") != std::string::npos);
  CHECK(table.print(Terminal{}).find("1712158011464906.png") != std::string::npos);
}

TEST_CASE("colours come only where they are wanted") {
  Table table({"STATE"});
  table.add({"dead"});
  CHECK(table.print(Terminal{true, true, 80}).find("\x1b[31m") != std::string::npos);
  CHECK(table.print(Terminal{true, false, 80}).find('\x1b') == std::string::npos);
  Table named({"NAME", "STATE"});
  named.add({"dead", "of night"});  // a name is no state
  CHECK(named.print(Terminal{true, true, 80}).find("\x1b[31m") == std::string::npos);
}

TEST_CASE("text of others cannot steer the terminal") {
  CHECK(harmless("a\x1b[2Jb\nc") == "a?[2Jb c");
  CHECK(harmless("żółw 🔄") == "żółw 🔄");
}

TEST_CASE("in a pipe only changes are told, a line each") {
  ProgressBars bars(Terminal{});
  CHECK(bars.update({{"1", "IN_PROGRESS", 15}, {"2", "SUBMITTED", 0}}) == "1 IN_PROGRESS 15%\n2 SUBMITTED 0%\n");
  CHECK(bars.update({{"1", "IN_PROGRESS", 15}, {"2", "SUBMITTED", 0}}).empty());
  CHECK(bars.update({{"1", "succeeded", 100}, {"2", "SUBMITTED", 0}}) == "1 succeeded 100%\n");
}

TEST_CASE("on a terminal bars are redrawn in place and fit") {
  ProgressBars bars(Terminal{true, false, 60}, 1);
  const auto first = bars.update({{"1", "IN_PROGRESS", 50}, {"2", "SUBMITTED", 0}});
  CHECK(first.find("####") != std::string::npos);
  CHECK(first.find("… 2 tasks, 0 ended") != std::string::npos);
  CHECK(bars.update({{"1", "IN_PROGRESS", 60}, {"2", "SUBMITTED", 0}}).starts_with("\x1b[2A"));
  CHECK(columns(bar({std::string(100, '9'), "IN_PROGRESS", 50}, Terminal{true, false, 60}, 36)) <= 60);
}

TEST_CASE("durations have units") {
  CHECK(parse_duration_ms("250ms") == 250);
  CHECK(parse_duration_ms("10m") == 600'000);
  CHECK(parse_duration_ms("0.5s") == 500);
  CHECK(parse_duration_ms("1.25m") == 75'000);
  for (const char* bad : {"", "5", "s", "5x", "-1s", "1.5.5s", "infs", "nans"})
    CHECK_THROWS_AS(static_cast<void>(parse_duration_ms(bad)), Trouble);
}

TEST_CASE("a registration's body holds what was asked, and nothing else") {
  AddOrder order;
  CHECK(registration_body(order, nullptr) == "{}");
  order.meta = {"user=42", "name=Ann \"A\"", "id=\"007\""};
  order.webhooks = {"app"};
  order.events = {"task.succeeded"};
  const std::vector<std::string> ids{"1", "2"};
  CHECK(registration_body(order, &ids) == R"({"ids":["1","2"],"webhooks":["app"],"events":["task.succeeded"],)"
                                          R"("metadata":{"user":42,"name":"Ann \"A\"","id":"\"007\""}})");
  order.webhooks = {"https://example.com/hook"};
  CHECK_THROWS_AS(static_cast<void>(registration_body(order, nullptr)), Trouble);
  order.meta = {"novalue"};
  CHECK_THROWS_AS(static_cast<void>(registration_body(order, nullptr)), Trouble);
}

TEST_CASE("without a daemon the trouble says what to do, and has its own code") {
  Connection daemon("/nonexistent/mjwatchd.sock");
  try {
    static_cast<void>(daemon.call(Call{.path = "/v1/status"}));
    FAIL("there is no daemon");
  } catch (const Trouble& trouble) {
    CHECK(trouble.code() == Exit::unreachable);
    CHECK(std::string(trouble.what()).find("systemctl status mjwatchd") != std::string::npos);
  }
}

TEST_CASE("a problem's own words are what the user reads") {
  CHECK(problem_text(Answer{409, R"({"title":"Conflict","detail":"save differs"})"}) == "save differs");
  CHECK(problem_text(Answer{502, "oops"}) == "the daemon answered 502: oops");
}

TEST_CASE("ids are encoded in paths") {
  CHECK(task_path("a:b/c", "") == "/v1/tasks/a%3Ab%2Fc");
  CHECK(task_path("1", "g x", "/image") == "/v1/tasks/1/image?gateway=g%20x");
}

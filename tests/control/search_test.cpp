// Looking for tasks: what is asked of the store, and how far it is looked back for one page.
#include "daemon/control/search.hpp"

#include <doctest/doctest.h>

#include <asio/io_context.hpp>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

struct Page {
  std::vector<TaskNo> found;
  TaskNo next = 0;
};

/// A store with the tasks that a test gives it, and nothing between them.
class Bench {
 public:
  void add(TaskNo no) { desk.add({"octopusx", "t" + std::to_string(no)}).no = no; }
  Page search(TaskQuery query) {
    Page page;
    search_tasks(desk, std::move(query), [&page](const std::vector<TaskView>& found, TaskNo next) {
      for (const auto& task : found) page.found.push_back(task.no);
      page.next = next;
    });
    io.restart();
    io.run();
    return page;
  }
  [[nodiscard]] const TaskQuery& asked(std::size_t n) const { return desk.task_queries.at(n); }

  asio::io_context io;
  EventHub hub;
  FakeDesk desk{io, hub};
};

TaskQuery with_words(TaskNo after = 0) {
  TaskQuery query;
  query.words = {"fox"};
  query.after = after;
  query.limit = 2;
  return query;
}

std::string unescaped(const RunningControl& control) { return control.desk.task_queries.back().words.back(); }

}  // namespace

TEST_CASE("a list without a search asks once, and its last row is the cursor") {
  Bench bench;
  for (TaskNo no = 1; no <= 3; ++no) bench.add(no);
  TaskQuery query;
  query.limit = 2;
  auto page = bench.search(query);
  CHECK(page.found == std::vector<TaskNo>{3, 2});
  CHECK(page.next == 2);
  CHECK(bench.desk.task_queries.size() == 1);
  CHECK(bench.asked(0).above == 0);
  query.after = 2;
  page = bench.search(query);
  CHECK(page.found == std::vector<TaskNo>{1});
  CHECK(page.next == 0);
}

TEST_CASE("a search begins at the newest task and looks a bounded way back") {
  Bench bench;
  bench.add(100'000);
  bench.add(90'000);
  bench.add(10);
  const auto page = bench.search(with_words());
  CHECK(bench.asked(1).after == 100'001);
  CHECK(bench.asked(1).above == 100'000 - kTextsAtOnce);
  CHECK(page.found == std::vector<TaskNo>{100'000, 90'000});
  CHECK(page.next == 90'000);
}

TEST_CASE("a short page goes on where the next task is, over what was removed") {
  Bench bench;
  bench.add(100'000);
  bench.add(10);
  auto page = bench.search(with_words());
  CHECK(page.found == std::vector<TaskNo>{100'000});
  CHECK(page.next == 11);
  page = bench.search(with_words(page.next));
  CHECK(page.found == std::vector<TaskNo>{10});
  CHECK(page.next == 0);
}

TEST_CASE("a short page before which nothing is left is the last") {
  Bench bench;
  bench.add(100'000);
  const auto page = bench.search(with_words());
  CHECK(page.found.size() == 1);
  CHECK(page.next == 0);
}

TEST_CASE("a search among no tasks ends at once") {
  Bench bench;
  const auto page = bench.search(with_words());
  CHECK(page.found.empty());
  CHECK(page.next == 0);
}

TEST_CASE("what stands in the rows is looked for ten times as far as texts") {
  Bench bench;
  bench.add(1'000'000);
  TaskQuery query;
  query.endings = {Ending::lost};
  static_cast<void>(bench.search(query));
  CHECK(bench.asked(1).above == 1'000'000 - kRowsAtOnce);
}

TEST_CASE("stalled tasks are live, so they are found however long ago they came") {
  Bench bench;
  bench.add(1'000'000);
  TaskQuery query;
  query.stalled = true;
  query.active = true;
  static_cast<void>(bench.search(query));
  CHECK(bench.desk.task_queries.size() == 1);
  CHECK(bench.asked(0).above == 0);
}

TEST_CASE("what is looked for is passed on") {
  RunningControl control;
  const auto reply = control.get(
      "/v1/tasks?q=red%20%20Fox&since=2026-11-01T00:00:00Z&until=2h&ending=failed,lost&stalled=true&pictures=true");
  CHECK(reply.status == 200);
  CHECK(at(reply, "next_cursor") == "null");
  control.on_loop([&] { control.desk.add({"octopusx", "t1"}); });
  CHECK(control
            .get("/v1/tasks?q=red%20%20Fox&since=2026-11-01T00:00:00Z&until=2h&ending=failed,lost&stalled=true&"
                 "pictures=true")
            .status == 200);
  control.on_loop([&] {
    const auto& query = control.desk.task_queries.back();
    CHECK(query.words == std::vector<std::string>{"red", "Fox"});
    CHECK(query.since == WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 1)));
    CHECK(query.until == kNow - std::chrono::hours(2));
    CHECK(query.endings == std::vector<Ending>{Ending::failed, Ending::lost});
    CHECK(query.stalled);
    CHECK(query.pictures);
  });
  CHECK(control.get("/v1/tasks?q=%25_%5C").status == 200);
  CHECK(control.on_loop([&] { return unescaped(control); }) == "%_\\");
}

TEST_CASE("what is looked for badly is refused, with what would be right") {
  RunningControl control;
  CHECK(is_problem(control.get("/v1/tasks?q=" + std::string(201, 'a')), 400, "200 are allowed"));
  CHECK(is_problem(control.get("/v1/tasks?q=1%202%203%204%205%206%207%208%209"), 400, "eight words"));
  CHECK(is_problem(control.get("/v1/tasks?since=yesterday"), 400, "a time such as"));
  CHECK(is_problem(control.get("/v1/tasks?ending=faild"), 400, "did you mean failed?"));
  CHECK(is_problem(control.get("/v1/tasks?ending=none"), 400, "succeeded, failed, cancelled, expired or lost"));
  CHECK(is_problem(control.get("/v1/tasks?stalled=maybe"), 400, "true or false"));
}

TEST_CASE("a brief list leaves most of the gateway's object out") {
  RunningControl control;
  control.on_loop([&] {
    control.desk.add({"octopusx", "t1"}).object =
        R"({"prompt":"a fox","failReason":"banned","buttons":[1,2],"description":null})";
    control.desk.add({"octopusx", "t2"});
  });
  const auto brief = control.get("/v1/tasks?brief=true");
  CHECK(at(brief, "tasks.1.task") == R"({"failReason":"banned","prompt":"a fox"})");
  CHECK(at(brief, "tasks.0.task") == "null");
  CHECK(at(control.get("/v1/tasks"), "tasks.1.task.buttons") == "[1,2]");
}

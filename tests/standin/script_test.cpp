#include "daemon/standin/script.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "daemon/standin/task_book.hpp"

using namespace mjwatchd::standin;

TEST_CASE("a trace's line becomes a script with its steps in order of time") {
  const auto script = parse_trace_line(
      R"({"id":"17","action":"UPSCALE","submit_ms":40,"timeline":[[900,"SUCCESS","100%"],[0,"SUBMITTED","0%"]]})");
  CHECK(script.id == "17");
  CHECK(script.action == "UPSCALE");
  CHECK(script.submit == milliseconds(40));
  REQUIRE(script.steps.size() == 2);
  CHECK(script.steps[0].status == "SUBMITTED");
  CHECK(script.steps[1].at == milliseconds(900));
}

TEST_CASE("a bad line of a trace is named by file and line") {
  std::istringstream in("{\"id\":\"1\",\"timeline\":[[0,\"SUBMITTED\",\"0%\"]]}\n\n{\"id\":7}\n");
  CHECK_THROWS_WITH_AS(static_cast<void>(read_trace(in, "t.jsonl")), "t.jsonl:3: \"id\" must be a text",
                       std::runtime_error);
}

TEST_CASE("the same wish makes the same script, and another seed another") {
  Wish wish;
  wish.id = "1712158011464906";
  const auto once = make_up(wish);
  const auto again = make_up(wish);
  wish.seed = 2;
  const auto other = make_up(wish);
  REQUIRE(once.steps.size() == again.steps.size());
  for (std::size_t i = 0; i < once.steps.size(); ++i) CHECK(once.steps[i].at == again.steps[i].at);
  CHECK(once.steps.back().at != other.steps.back().at);
}

TEST_CASE("a made-up IMAGINE goes up to 93% and ends within the recorded times") {
  for (int i = 0; i < 200; ++i) {
    Wish wish;
    wish.id = std::to_string(i);
    const auto script = make_up(wish);
    CHECK(script.steps.back().status == "SUCCESS");
    CHECK(script.steps[script.steps.size() - 2].progress == "93%");
    CHECK(script.steps.back().at > milliseconds(25000));
    CHECK(script.steps.back().at < milliseconds(128000));
  }
}

TEST_CASE("a wished duration is when the task ends") {
  Wish wish;
  wish.id = "x";
  wish.duration = milliseconds(2000);
  CHECK(make_up(wish).steps.back().at == milliseconds(2000));
}

TEST_CASE("speed divides a script's times, and nothing is known before the submission") {
  const Moment start{milliseconds(1'000'000)};
  TaskBook book(start, 10);
  REQUIRE(book.add(parse_trace_line(
      R"({"id":"a","submit_ms":1000,"timeline":[[0,"SUBMITTED","0%"],[500,"IN_PROGRESS","0%"],[2000,"SUCCESS","100%"]]})")));
  CHECK(book.find("a", start + milliseconds(99)) == nullptr);
  const auto* task = book.find("a", start + milliseconds(100));
  REQUIRE(task != nullptr);
  CHECK(task->at(start + milliseconds(149)).status == "SUBMITTED");
  CHECK(task->at(start + milliseconds(150)).status == "IN_PROGRESS");
  const auto end = task->at(start + milliseconds(300));
  CHECK(end.status == "SUCCESS");
  CHECK(end.submitted == start + milliseconds(100));
  CHECK(*end.started == start + milliseconds(150));
  CHECK(*end.finished == start + milliseconds(300));
}
